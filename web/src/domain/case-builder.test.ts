import { expect, test } from "vitest";

import { addAnswers, buildCases, type JobAnswers } from "@/domain/case-builder";
import { answerOf, NO_FEEDBACK, titleOf, type Case, type Upload } from "@/domain/case";
import {
  errorAnswer,
  imageAnswer,
  job,
  seriesAnswer,
  seriesJob,
  sliceView,
} from "@/testing/answers";

const UPLOAD: Upload = {
  id: "u1",
  name: "brought in",
  files: [],
  state: { kind: "waiting" },
  operatingPoint: "",
  jobId: "j1",
  refusals: [],
};
const NOTHING: JobAnswers = { answers: [], slices: [] };

function build(answers: JobAnswers, finished = true, previous = new Map<string, Case>()): Case[] {
  return buildCases(UPLOAD, answers, finished, previous);
}

test("a picture is a case of its own", () => {
  const answers = [imageAnswer({ source: "a.png" }), imageAnswer({ source: "b.png" })];
  const slices = [sliceView({ index: 0 }), sliceView({ index: 1 })];
  expect(build({ answers, slices }).map((one) => one.name)).toEqual(["a.png", "b.png"]);
});

test("slices of a series are ordered by position and answered by the series", () => {
  const answers = [0, 1, 2].map((index) => imageAnswer({ slice_index: index }));
  const slices = [30, 10, 20].map((position_mm, index) =>
    sliceView({ index, series: 0, position_mm }),
  );
  const [one] = build({ answers: [...answers, seriesAnswer({ slices: 3 })], slices });
  expect(one?.slices.map((slice) => slice.view.position_mm)).toEqual([10, 20, 30]);
  expect(one && answerOf(one)?.kind).toBe("series");
});

test("series of one study are named by what the scanner called them", () => {
  const answers = [imageAnswer({ source: "study.zip" }), imageAnswer({ source: "study.zip" })];
  const slices = ["t1_se", "t2_tse"].map((series_description, index) =>
    sliceView({ index, series: index, series_description, study_instance_uid: "1.9" }),
  );
  const cases = build({ answers, slices });
  expect(cases.map(titleOf)).toEqual(["t1_se", "t2_tse"]);
  expect(cases.map((one) => one.study)).toEqual(["1.9", "1.9"]);
});

test("a series has no answer while its slices come in", () => {
  const begun = seriesJob();
  const [one] = build(
    { answers: begun.predictions.slice(0, 1), slices: begun.slices.slice(0, 1) },
    false,
  );
  expect(one?.complete).toBe(false);
  expect(one?.name).toBe("brought in");
  expect(one && answerOf(one)).toBeNull();
});

test("each series gets its own answer, also where a slice could not be read", () => {
  const answers = [
    imageAnswer(),
    errorAnswer(),
    imageAnswer(),
    imageAnswer(),
    seriesAnswer({ source: "first", slices: 1, failed_slices: 1 }),
    seriesAnswer({ source: "second", slices: 2 }),
  ];
  const slices = [
    sliceView({ index: 0, series: 0 }),
    sliceView({ index: 2, series: 1 }),
    sliceView({ index: 3, series: 1 }),
  ];
  expect(build({ answers, slices }).map((one) => [one.name, one.slices.length])).toEqual([
    ["first", 1],
    ["second", 2],
  ]);
});

test("what a reader said outlasts new answers", () => {
  const answers = { answers: [imageAnswer()], slices: [sliceView()] };
  const [one] = build(answers);
  if (!one) throw new Error("no case");
  const told = { ...one, feedback: { ...NO_FEEDBACK, comment: "seen" } };
  const [again] = build(answers, true, new Map([[one.id, told]]));
  expect(again?.feedback.comment).toBe("seen");
});

test("answers gather over several looks at a job", () => {
  const { predictions, slices } = seriesJob();
  const first = addAnswers(
    NOTHING,
    job({ predictions: predictions.slice(0, 2), slices: slices.slice(0, 2) }),
  );
  const all = addAnswers(
    first,
    job({ predictions: predictions.slice(2), slices: slices.slice(2) }),
  );
  expect(build(all)[0]?.slices).toHaveLength(5);
});

test("a case of which nothing is new stays the same object", () => {
  const first = job({ predictions: [imageAnswer()], slices: [sliceView({ index: 0 })] });
  const known = addAnswers(NOTHING, first);
  const before = build(known, false);
  const more = job({ predictions: [imageAnswer()], slices: [sliceView({ index: 1 })] });
  const previous = new Map(before.map((one) => [one.id, one]));
  const after = build(addAnswers(known, more), false, previous);
  expect(after).toHaveLength(2);
  expect(after[0]).toBe(before[0]);
});
