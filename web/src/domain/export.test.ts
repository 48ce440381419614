import { expect, test } from "vitest";

import { NO_FEEDBACK, type Case } from "@/domain/case";
import { ANSWER_COLUMNS } from "@/domain/columns.gen";
import { toCsv, toJson } from "@/domain/export";
import {
  imageAnswer,
  rejectedAnswer,
  seriesAnswer,
  sliceView,
  studyAnswer,
} from "@/testing/answers";

function caseOf(part: Partial<Case> = {}): Case {
  return {
    id: "c1",
    uploadId: "u1",
    name: "scan.png",
    description: null,
    study: null,
    addedAt: 0,
    slices: [{ answer: imageAnswer(), view: sliceView() }],
    series: null,
    studyAnswer: null,
    operatingPoint: "balanced",
    complete: true,
    feedback: NO_FEEDBACK,
    ...part,
  };
}

const lines = (csv: string) => csv.trim().split("\r\n");

test("a case is one line of CSV with the model and the notice", () => {
  const [header, line] = lines(toCsv([caseOf()]));
  const names = header?.split(",") ?? [];
  const cells = line?.split(",") ?? [];
  const row = Object.fromEntries(names.map((name, at) => [name, cells[at]]));
  expect(names).toEqual([
    ...ANSWER_COLUMNS.map((one) => one.name),
    "reader_reading",
    "reader_verdict",
    "reader_comment",
  ]);
  expect(row).toMatchObject({
    kind: "image",
    source: "scan.png",
    series_instance_uid: "",
    outcome: "tumor",
    probability_tumor: "0.91",
    probability_glioma: "0.7",
    prediction_set: "tumor",
    operating_point: "balanced",
    threshold: "0.5",
    peak_row: "4",
    slices: "1",
    model_id: "toy-model",
    model_version: "1.2.3",
    model_sha256: "ab".repeat(32),
    notice: "Research use only. Not a medical device.",
  });
});

test("several reasons are parted as in the tables of the command line", () => {
  const answer = { ...imageAnswer(), reasons: ["One.", "Two."] };
  const one = caseOf({ slices: [{ answer, view: sliceView() }] });
  expect(lines(toCsv([one]))[1]).toContain(",One.; Two.,");
});

test("every line has as many cells as the header", () => {
  const rejected = caseOf({ slices: [{ answer: rejectedAnswer(), view: sliceView() }] });
  const [header, line] = lines(toCsv([rejected]));
  expect(line?.split(",")).toHaveLength(header?.split(",").length ?? 0);
});

test.each([
  ["quotes and commas", 'a "b", c', '"a ""b"", c"'],
  ["what a spreadsheet would compute", "=HYPERLINK(1)", "'=HYPERLINK(1)"],
  ["a minus that begins a name", "-1+2.png", "'-1+2.png"],
])("CSV is safe against %s", (_, name, cell) => {
  expect(lines(toCsv([caseOf({ name })]))[1]?.startsWith(`image,${cell}`)).toBe(true);
});

test("JSON holds the answers as the service gave them, and the reader's", () => {
  const feedback = { reading: "unsure" as const, verdict: "agree" as const, comment: "x" };
  const [one] = JSON.parse(toJson([caseOf({ feedback })])) as unknown[];
  expect(one).toMatchObject({ answer: imageAnswer(), slices: [imageAnswer()], reader: feedback });
  expect(one).toHaveProperty("study", null);
});

test("JSON holds the answer of its study beside each series", () => {
  const study = studyAnswer();
  const cases = ["c1", "c2"].map((id) =>
    caseOf({ id, series: seriesAnswer(), study: "1.9", studyAnswer: study }),
  );
  expect(JSON.parse(toJson(cases))).toMatchObject([{ study }, { study }]);
});
