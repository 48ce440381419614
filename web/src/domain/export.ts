/** The worklist as files to take away. */

import { answerOf, type Case } from "@/domain/case";
import { ANSWER_COLUMNS, LIST_SEPARATOR, type Column } from "@/domain/columns.gen";

const READER_COLUMNS = ["reader_reading", "reader_verdict", "reader_comment"] as const;

type CellValue = string | number | null | undefined;

/** One row per case; what is hidden from the reader is in the file, for it is taken away. */
export function toCsv(cases: Iterable<Case>): string {
  const header = [...ANSWER_COLUMNS.map((one) => one.name), ...READER_COLUMNS];
  const rows = [...cases].map((one) => rowOf(one).map(quote).join(","));
  return [header.join(","), ...rows].join("\r\n") + "\r\n";
}

export function toJson(cases: Iterable<Case>): string {
  const items = [...cases].map((one) => ({
    answer: answerOf(one),
    slices: one.slices.map((slice) => slice.answer),
    study: one.studyAnswer,
    operating_point: one.operatingPoint,
    reader: one.feedback,
  }));
  return JSON.stringify(items, null, 1);
}

function rowOf(one: Case): CellValue[] {
  const answer = answerOf(one);
  const known = ofCase(one);
  const { reading, verdict, comment } = one.feedback;
  const cells = ANSWER_COLUMNS.map((column) => known[column.name] ?? cellOf(answer, column));
  return [...cells, reading, verdict, comment];
}

/** What the page knows of a case better than the answer: a case of one image has no series. */
function ofCase(one: Case): Record<string, CellValue> {
  return {
    source: one.name,
    series_instance_uid: one.series?.series_instance_uid,
    study_instance_uid: one.study,
    series_description: one.description,
    operating_point: one.operatingPoint,
    slices: one.slices.length,
  };
}

function cellOf(answer: unknown, column: Column): CellValue {
  let value = answer;
  for (const key of column.path) {
    if (typeof value !== "object" || value === null) return null;
    value = (value as Record<string | number, unknown>)[key];
  }
  return Array.isArray(value) ? value.join(LIST_SEPARATOR) : (value as CellValue);
}

function quote(value: CellValue): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  // A cell that begins like a formula would be computed by a spreadsheet; names come from outside.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
