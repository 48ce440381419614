/** The TypeScript of the model against what Python made: tests/contract/browser_vectors.py. */

import dicomParser from "dicom-parser";
import { describe, expect, test } from "vitest";

import type { ImageAnswer, SeriesAnswer, StudyAnswer } from "@/lib/api/types";
import { readDicom } from "@/local/imaging/dicom";
import { functionalGroups } from "@/local/imaging/dicom-geometry";
import { descriptionOf, Header, type Keyword } from "@/local/imaging/dicom-header";
import { headerSequence } from "@/local/imaging/dicom-sequence";
import { makeCanvas, type CanvasGeometry } from "@/local/imaging/preprocess";
import { ScanError, type SequenceName } from "@/local/imaging/scan";
import { readTiff } from "@/local/imaging/tiff";
import { decide } from "@/local/model/decision";
import { evidenceOnImage, localize } from "@/local/model/evidence";
import { recognizeSequence } from "@/local/model/recognition";
import { answerSeries } from "@/local/model/series";
import { answerStudies } from "@/local/model/study";
import vectors from "@/local/vectors.json";

/** Share of pixels that may differ from Python's by more than one step of 255. */
const MOST_OTHERS = 0.001;

interface Picture {
  rows: number;
  columns: number;
  seed: number;
  gain: number;
  offset: number;
  frame?: number;
}

function draw({ rows, columns, seed, gain, offset, frame = 0 }: Picture) {
  const values = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) {
      const [y, x] = [2 * r - rows, 2 * c - columns];
      const isInside =
        25 * (y * y * columns ** 2 + x * x * rows ** 2) <= 16 * rows ** 2 * columns ** 2;
      const texture =
        60 +
        ((31 * r + 17 * c + 13 * seed) % 97) +
        ((Math.floor(r / 9) + Math.floor(c / 7)) % 2) * 40;
      const value = isInside ? texture : (5 * r + 3 * c + seed) % 6;
      values[r * columns + c] = (r < frame || c < frame ? 255 : value) * gain + offset;
    }
  }
  return { rows, columns, values };
}

const EXPLICIT = "1.2.840.10008.1.2.1";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

describe("preprocessing", () => {
  test.each(vectors.canvases)("canvas $picture.seed is Python's", (one) => {
    const spacing = one.picture.spacing as [number, number] | null;
    const { bytes, geometry } = makeCanvas(vectors.preprocessing, draw(one.picture), spacing);
    const expected = bytesOf(one.canvas);
    const others = bytes.filter((value, at) => Math.abs(value - (expected[at] ?? 0)) > 1);
    expect(bytes).toHaveLength(expected.length);
    expect(others.length / expected.length).toBeLessThanOrEqual(MOST_OTHERS);
    expect(geometry.row0).toBeCloseTo(one.geometry.row0, 9);
    expect(geometry.column0).toBeCloseTo(one.geometry.column0, 9);
    expect(geometry.scale).toBeCloseTo(one.geometry.scale, 9);
    expect(geometry.shape).toEqual(one.geometry.shape);
    expect(geometry.stretch[0]).toBeCloseTo(one.geometry.stretch[0] ?? 0, 9);
    expect(geometry.stretch[1]).toBeCloseTo(one.geometry.stretch[1] ?? 0, 9);
  });
});

test("decisions are Python's, to the word", () => {
  for (const { point, conformal, probability, decision } of vectors.decisions) {
    const threshold = (vectors.points as Record<string, number>)[point] ?? NaN;
    const rule = {
      point: { name: point, threshold },
      conformal: conformal ? vectors.conformal : null,
    };
    expect(decide(rule, probability)).toEqual(decision);
  }
});

test.each(vectors.series)("the answer for a series is Python's", ({ slices, spread, answer }) => {
  const members = (slices as unknown as ImageAnswer[]).map((one) => ({
    answer: one,
    seriesUid: null,
    studyUid: null,
    description: null,
    positionMm: one.slice_index,
    member: null,
  }));
  const { balanced } = vectors.points;
  const found = answerSeries(members, {
    failed: 1,
    rule: { point: { name: "balanced", threshold: balanced }, conformal: vectors.conformal },
    model: members[0]?.answer.model ?? { id: "", version: "", sha256: "" },
    spread,
  });
  const expected = answer as unknown as SeriesAnswer;
  expect({ ...found, probabilities: null, type_probabilities: null }).toEqual({
    ...expected,
    probabilities: null,
    type_probabilities: null,
  });
  expect(found.probabilities?.tumor ?? -1).toBeCloseTo(expected.probabilities?.tumor ?? -1, 9);
  expect(found.type_probabilities?.glioma ?? -1).toBeCloseTo(
    expected.type_probabilities?.glioma ?? -1,
    9,
  );
});

test("a header tells of the sequence that Python hears", () => {
  for (const { header, content, sequence } of vectors.headers) {
    const parsed = dicomParser.parseDicom(bytesOf(content), { TransferSyntaxUID: EXPLICIT });
    const found = new Header(parsed);
    expect([header, headerSequence(found, functionalGroups(found, 0))]).toEqual([header, sequence]);
  }
});

test.each(vectors.overruns)("a $keyword that reaches too far ends where text does", (one) => {
  const parsed = dicomParser.parseDicom(bytesOf(one.content), { TransferSyntaxUID: EXPLICIT });
  expect(new Header(parsed).text(one.keyword as Keyword)).toBe(one.text);
});

test.each(vectors.descriptions)(
  "the name of a series in the letters of $characters is Python's",
  ({ content, description }) => {
    const parsed = dicomParser.parseDicom(bytesOf(content), { TransferSyntaxUID: EXPLICIT });
    expect(descriptionOf(new Header(parsed))).toBe(description);
  },
);

test.each(vectors.endings)(
  "a compressed file that ends $ending is refused where Python refuses it",
  async ({ content, refused }) => {
    const read = readDicom(bytesOf(content) as Uint8Array<ArrayBuffer>, "made.dcm");
    const found = await read.then(
      () => null,
      (error: unknown) => (error instanceof ScanError ? error.type : error),
    );
    expect(found).toBe(refused);
  },
);

test.each(vectors.pixels)("$pixels: shown as in Python", async ({ content, shown }) => {
  const read = readDicom(bytesOf(content) as Uint8Array<ArrayBuffer>, "made.dcm");
  const found = await read.then(
    (scans) => scans.map((one) => [...one.pixels.values]),
    (error: unknown) => (error instanceof ScanError ? null : error),
  );
  expect(found).toEqual(shown);
});

test.each(vectors.tiffs)(
  "a TIFF of $bits bits, $rows rows and $pages pages is read or refused as Python does",
  ({ content, refused, pages }) => {
    const read = () => readTiff(bytesOf(content) as Uint8Array<ArrayBuffer>, "made.tif");
    if (refused === null) expect(read()).toHaveLength(pages);
    else expect(read).toThrow(expect.objectContaining({ type: refused }) as Error);
  },
);

test("the header goes before the pixels, which may contradict it", () => {
  for (const { header, logits, sequence, note } of vectors.recognitions) {
    const values = logits && Float32Array.from(logits);
    const [found, said] = recognizeSequence(
      header as SequenceName | null,
      values,
      vectors.recognized,
    );
    expect({ ...found, probability: null }).toEqual({ ...sequence, probability: null });
    expect(found.probability ?? -1).toBeCloseTo(sequence.probability ?? -1, 6);
    expect(said).toBe(note);
  }
});

test.each(vectors.studies)("the answer for a study is Python's", ({ series, answer }) => {
  const { balanced } = vectors.points;
  const members = series as unknown as SeriesAnswer[];
  const [found, ...others] = answerStudies(
    members,
    { point: { name: "balanced", threshold: balanced }, conformal: vectors.conformal },
    members[0]?.model ?? { id: "", version: "", sha256: "" },
  );
  expect(others).toEqual([]);
  expect(rounded(found)).toEqual(rounded(answer as unknown as StudyAnswer));
});

/** With all numbers to nine digits. */
function rounded(answer: unknown): unknown {
  const text = JSON.stringify(answer, (_, value: unknown) =>
    typeof value === "number" ? Number(value.toFixed(9)) : value,
  );
  return JSON.parse(text) as unknown;
}

test.each(vectors.evidence)("evidence lies where Python puts it", (one) => {
  const evidence = { cells: one.cells, logits: Float32Array.from(one.logits) };
  const geometry = one.geometry as unknown as CanvasGeometry;
  const place = localize(evidence, geometry, one.canvas_size, one.threshold);
  expect(place).toEqual({ peak: one.peak, box: one.box });
  const laid = evidenceOnImage(evidence, geometry, one.canvas_size, 10_000);
  expect([laid.width, laid.height]).toEqual([180, 150]);
  one.samples.forEach((line, row) => {
    line.forEach((value, column) => {
      const own = laid.values[row * 10 * laid.width + column * 10] ?? -9;
      expect(Math.abs(own - value)).toBeLessThanOrEqual(1);
    });
  });
});
