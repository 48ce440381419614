import { expect, test } from "vitest";

import { NO_FEEDBACK, type Case } from "@/domain/case";
import { toCsv, toJson } from "@/domain/export";
import { imageAnswer, rejectedAnswer, sliceView } from "@/testing/answers";

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
    operatingPoint: "balanced",
    complete: true,
    feedback: NO_FEEDBACK,
    ...part,
  };
}

const lines = (csv: string) => csv.trim().split("\r\n");

test("a case is one line of CSV with the model and the notice", () => {
  const [header, line] = lines(toCsv([caseOf()]));
  expect(
    header?.startsWith("source,series_description,series_instance_uid,study_instance_uid,outcome"),
  ).toBe(true);
  expect(line).toBe(
    `scan.png,,,,tumor,0.91,0.7,0.2,0.1,tumor,,1,balanced,0.5,,,,toy-model,1.2.3,${"ab".repeat(32)},` +
      "Research use only. Not a medical device.",
  );
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
  expect(lines(toCsv([caseOf({ name })]))[1]?.startsWith(cell)).toBe(true);
});

test("JSON holds the answers as the service gave them, and the reader's", () => {
  const feedback = { reading: "unsure" as const, verdict: "agree" as const, comment: "x" };
  const [one] = JSON.parse(toJson([caseOf({ feedback })])) as unknown[];
  expect(one).toMatchObject({ answer: imageAnswer(), slices: [imageAnswer()], reader: feedback });
});
