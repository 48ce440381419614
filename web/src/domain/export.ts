/** The worklist as files to take away. */

import { TUMOR_TYPES } from "@/domain/answer";
import { answerOf, type Case, type CaseAnswer } from "@/domain/case";

const COLUMNS = [
  "source",
  "series_description",
  "series_instance_uid",
  "study_instance_uid",
  "outcome",
  "tumor_probability",
  "glioma",
  "meningioma",
  "pituitary",
  "prediction_set",
  "reasons",
  "slices",
  "operating_point",
  "threshold",
  "reader_reading",
  "reader_verdict",
  "reader_comment",
  "model_id",
  "model_version",
  "model_sha256",
  "notice",
] as const;

type CellValue = string | number | null | undefined;

/** One row per case; what is hidden from the reader is in the file, for it is taken away. */
export function toCsv(cases: Iterable<Case>): string {
  const rows = [...cases].map((one) => rowOf(one).map(quote).join(","));
  return [COLUMNS.join(","), ...rows].join("\r\n") + "\r\n";
}

export function toJson(cases: Iterable<Case>): string {
  const items = [...cases].map((one) => ({
    answer: answerOf(one),
    slices: one.slices.map((slice) => slice.answer),
    operating_point: one.operatingPoint,
    reader: one.feedback,
  }));
  return JSON.stringify(items, null, 1);
}

function rowOf(one: Case): CellValue[] {
  const answer = answerOf(one);
  const { reading, verdict, comment } = one.feedback;
  return [
    one.name,
    one.description,
    one.series?.series_instance_uid,
    one.study,
    ...answerCells(answer),
    one.slices.length,
    one.operatingPoint,
    answer?.operating_point.threshold,
    reading,
    verdict,
    comment,
    ...[answer?.model.id, answer?.model.version, answer?.model.sha256, answer?.notice],
  ];
}

function answerCells(answer: CaseAnswer | null): CellValue[] {
  return [
    answer?.outcome,
    answer?.probabilities?.tumor,
    ...TUMOR_TYPES.map((type) => answer?.type_probabilities?.[type]),
    answer?.prediction_set.join(" "),
    answer?.reasons.join(" "),
  ];
}

function quote(value: CellValue): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  // A cell that begins like a formula would be computed by a spreadsheet; names come from outside.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
