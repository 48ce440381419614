import type { jsPDF } from "jspdf";

import type { CaseAnswer } from "@/domain/case";
import { LINE, PAGE } from "@/features/reading/report/page";
import type { ReportContent } from "@/features/reading/report/write-report";
import { probabilityWords } from "@/messages/use-numbers";
import type { Translate } from "@/messages/use-messages";

const STRIP_HEIGHT = 22;

/** The probability as a bar with the operating point on it; returns where it ends. */
export function drawProbability(
  pdf: jsPDF,
  answer: CaseAnswer,
  { point, language }: ReportContent,
  t: Translate,
  y: number,
): number {
  const probability = answer.probabilities?.tumor;
  if (probability === undefined) return y;
  const number = probabilityWords(language);
  const words = [`${t("answer.probability")}: ${number(probability)}`];
  if (point) {
    words.push(t("answer.threshold", { name: point.name, value: number(point.threshold) }));
  }
  pdf.text(words.join(" · "), PAGE.left, y);
  pdf.setFillColor(225, 225, 225).rect(PAGE.left, y + 2.5, PAGE.width, 3.5, "F");
  pdf.setFillColor(90, 90, 90).rect(PAGE.left, y + 2.5, PAGE.width * probability, 3.5, "F");
  if (point) {
    const x = PAGE.left + PAGE.width * point.threshold;
    pdf
      .setDrawColor(0)
      .setLineWidth(0.5)
      .line(x, y + 1.5, x, y + 7);
  }
  return y + 7 + LINE;
}

/** Probability over the slices; returns where it ends. */
export function drawStrip(pdf: jsPDF, content: ReportContent, t: Translate, y: number): number {
  const { one, index, point } = content;
  const step = PAGE.width / Math.max(1, one.slices.length - 1);
  const top = y + 2;
  const at = (place: number, value: number) =>
    [PAGE.left + place * step, top + STRIP_HEIGHT * (1 - value)] as const;
  pdf.text(t("strip.title"), PAGE.left, y);
  pdf.setDrawColor(180).setLineWidth(0.2).rect(PAGE.left, top, PAGE.width, STRIP_HEIGHT);
  if (point) pdf.line(...at(0, point.threshold), ...at(one.slices.length - 1, point.threshold));
  pdf.setDrawColor(0).line(...at(index, 0), ...at(index, 1));
  pdf.setLineWidth(0.5);
  const scores = one.slices.map((slice) => slice.answer.probabilities?.tumor ?? 0);
  scores.slice(1).forEach((score, place) => {
    pdf.line(...at(place, scores[place] ?? 0), ...at(place + 1, score));
  });
  return top + STRIP_HEIGHT;
}
