import type { jsPDF } from "jspdf";

import { paintEvidence, paintSlice } from "@/features/reading/render/paint";
import { onPane, place, WHOLE } from "@/features/reading/render/placement";
import { changed, ownWindow } from "@/features/reading/render/window";
import type { ReportContent } from "@/features/reading/report/write-report";
import { PAGE } from "@/features/reading/report/page";
import type { Translate } from "@/messages/use-messages";

const SIDE_MM = 84;
/** 600 dots over 84 mm are 180 dots per inch. */
const SIDE_DOTS = 600;

/** The slice, plain and with its evidence; returns where they end. */
export function drawPictures(pdf: jsPDF, content: ReportContent, t: Translate, y: number): number {
  const second = PAGE.left + PAGE.width - SIDE_MM;
  pdf.setFontSize(9);
  pdf.text(caption(content, t), PAGE.left, y - 2);
  pdf.text(t("report.overlay"), second, y - 2);
  pdf.addImage(drawn(content, false), "JPEG", PAGE.left, y, SIDE_MM, SIDE_MM);
  pdf.addImage(drawn(content, true), "JPEG", second, y, SIDE_MM, SIDE_MM);
  return y + SIDE_MM;
}

function caption({ one, index }: ReportContent, t: Translate): string {
  const words = t("report.picture");
  if (one.slices.length < 2) return words;
  return `${words} · ${t("viewer.slice", { place: index + 1, count: one.slices.length })}`;
}

function drawn(content: ReportContent, withEvidence: boolean): HTMLCanvasElement {
  const { one, index, state, picture, evidence } = content;
  const slice = one.slices[index];
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE_DOTS;
  const context = canvas.getContext("2d");
  if (!slice || !context) throw new Error("There is no slice to draw.");
  const window = changed(ownWindow(one.slices.map((other) => other.view)), state.window);
  const at = place(slice.view, { width: SIDE_DOTS, height: SIDE_DOTS }, WHOLE);
  context.fillStyle = "#000";
  context.fillRect(0, 0, SIDE_DOTS, SIDE_DOTS);
  const grey = paintSlice(picture, window, slice.view.value_range, state.invert);
  context.drawImage(grey, at.left, at.top, at.width, at.height);
  if (!withEvidence) return canvas;
  const colors = paintEvidence(evidence, state.opacity, state.threshold);
  context.drawImage(colors, at.left, at.top, at.width, at.height);
  const peak = slice.answer.localization?.peak;
  if (peak) {
    const { x, y } = onPane([peak[0] ?? 0, peak[1] ?? 0], slice.view, at);
    context.strokeStyle = "#fff";
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, 9, 0, 2 * Math.PI);
    context.stroke();
  }
  return canvas;
}
