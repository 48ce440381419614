import { jsPDF } from "jspdf";

import { TUMOR_TYPES } from "@/domain/answer";
import { answerOf, markedSlices, type Case, type CaseAnswer } from "@/domain/case";
import { disagreement } from "@/domain/disagreement";
import { sentenceOf } from "@/domain/telling";
import type { OperatingPoint } from "@/domain/operating-point";
import type { Language } from "@/domain/settings";
import type { DeepPicture, EvidenceMap } from "@/features/reading/api/slice-pictures";
import { drawProbability, drawStrip } from "@/features/reading/report/draw-numbers";
import { drawPictures } from "@/features/reading/report/draw-pictures";
import { LINE, PAGE } from "@/features/reading/report/page";
import type { ViewerState } from "@/features/reading/viewer-state";
import type { SeriesAnswer } from "@/lib/api/types";
import { probabilityWords } from "@/messages/use-numbers";
import { translate, type MessageValues, type Translate } from "@/messages/use-messages";

export interface ReportContent {
  one: Case;
  index: number;
  state: ViewerState;
  point: OperatingPoint | null;
  picture: DeepPicture;
  evidence: EvidenceMap;
  language: Language;
  now: Date;
}

/** The report as one page of PDF. */
export function writeReport(content: ReportContent): Blob {
  const { one, index, language } = content;
  const t: Translate = (key, values?: MessageValues) => translate(language, key, values);
  const pdf = new jsPDF({ unit: "mm", format: "a4" });
  const answer = answerOf(one) ?? one.slices[index]?.answer;
  if (!answer) throw new Error("A report needs an answer.");
  pdf.setProperties({ title: t("report.title"), subject: t("notice") });
  pdf.setLanguage(language === "de" ? "de-DE" : "en-US");
  writeHead(pdf, content, t);
  let y = drawPictures(pdf, content, t, 42);
  y = writeOutcome(pdf, answer, one, t, y + 8);
  y = drawProbability(pdf, answer, content, t, y);
  y = writeTypes(pdf, answer, content, t, y);
  if (answer.kind === "series") y = writeSlice(pdf, answer, content, t, y);
  if (one.slices.length > 1) y = drawStrip(pdf, content, t, y + 4);
  writeReader(pdf, one, t, y + 8);
  writeFoot(pdf, answer, t);
  return pdf.output("blob");
}

function writeHead(pdf: jsPDF, { one, now, language }: ReportContent, t: Translate): void {
  pdf.setFont("helvetica", "bold").setFontSize(16);
  pdf.text(t("report.title"), PAGE.left, PAGE.top);
  pdf.setFont("helvetica", "bold").setFontSize(10);
  pdf.text(t("notice"), PAGE.left + PAGE.width, PAGE.top, { align: "right" });
  pdf.setFont("helvetica", "normal");
  const name = one.description ? `${one.description} · ${one.name}` : one.name;
  pdf.text(`${t("report.file")}: ${printable(name).slice(0, 90)}`, PAGE.left, PAGE.top + 8);
  const date = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
  pdf.text(`${t("report.date")}: ${date.format(now)}`, PAGE.left, PAGE.top + 13.5);
}

function writeOutcome(pdf: jsPDF, answer: CaseAnswer, one: Case, t: Translate, y: number): number {
  pdf.setFont("helvetica", "bold").setFontSize(13);
  const of = t(answer.kind === "series" ? "answer.series" : "report.outcome");
  pdf.text(`${of}: ${t(`outcome.${answer.outcome}`)}`, PAGE.left, y);
  pdf.setFont("helvetica", "normal").setFontSize(10);
  const marked = markedSlices(one);
  const words = [t(sentenceOf(answer, "reader", marked), { count: marked }), ...answer.reasons];
  return writeLines(pdf, words.join(" "), y + 6);
}

/** The answer for the slice that is shown, for the series may be answered otherwise. */
function writeSlice(
  pdf: jsPDF,
  series: SeriesAnswer,
  { one, index, language }: ReportContent,
  t: Translate,
  y: number,
): number {
  const slice = one.slices[index]?.answer;
  if (!slice) return y;
  const place = t("answer.slicePlace", { place: index + 1, count: one.slices.length });
  const words = [`${t("answer.slice")} ${place}: ${t(`outcome.${slice.outcome}`)}`];
  if (slice.probabilities) words.push(probabilityWords(language)(slice.probabilities.tumor));
  const difference = disagreement(series, slice);
  const why = difference ? `. ${t(`difference.${difference}.reader`)}` : "";
  return writeLines(pdf, words.join(", ") + why, y);
}

function writeTypes(
  pdf: jsPDF,
  answer: CaseAnswer,
  { language }: ReportContent,
  t: Translate,
  y: number,
): number {
  const types = answer.type_probabilities;
  if (!types) return y;
  const two = new Intl.NumberFormat(language, {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
  const words = TUMOR_TYPES.map((type) => `${t(`type.${type}`)} ${two.format(types[type])}`);
  const set = answer.prediction_set.map((name) => t(`class.${name}`)).join(", ");
  const next = writeLines(pdf, `${t("answer.set")}: { ${set || t("answer.set.empty")} }`, y);
  return writeLines(pdf, `${t("answer.types")}: ${words.join(" · ")}`, next);
}

function writeReader(pdf: jsPDF, one: Case, t: Translate, y: number): void {
  const { reading, verdict, comment } = one.feedback;
  const parts = [
    reading ? t("feedback.yourReading", { reading: t(`reading.${reading}`) }) : "",
    verdict ? t(`verdict.${verdict}`) : "",
    printable(comment),
  ].filter(Boolean);
  const room = Math.max(1, Math.floor((PAGE.bottom - 24 - y) / LINE));
  const text = `${t("report.reader")}: ${parts.join(" · ") || t("report.none")}`;
  const lines = (pdf.splitTextToSize(text, PAGE.width) as string[]).slice(0, room);
  pdf.text(lines, PAGE.left, y);
}

function writeFoot(pdf: jsPDF, answer: CaseAnswer, t: Translate): void {
  const { id, version, sha256 } = answer.model;
  pdf.setFontSize(8);
  pdf.setDrawColor(150).line(PAGE.left, PAGE.bottom - 14, PAGE.left + PAGE.width, PAGE.bottom - 14);
  pdf.text(t("answer.model", { id, version, sha: sha256 }), PAGE.left, PAGE.bottom - 9);
  pdf.setFont("helvetica", "bold");
  pdf.text(`${t("notice")} ${t("notice.long")}`, PAGE.left, PAGE.bottom - 4);
}

function writeLines(pdf: jsPDF, text: string, y: number): number {
  const lines = pdf.splitTextToSize(printable(text), PAGE.width) as string[];
  pdf.text(lines, PAGE.left, y);
  return y + lines.length * LINE;
}

/** The fonts that every PDF reader has know Latin letters only. */
function printable(text: string): string {
  return text.replace(/[^\u0020-\u007e\u00a0-\u00ff–—“”„‘’…·]/g, "?");
}
