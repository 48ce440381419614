import { expect, test } from "vitest";

import { percentiles } from "@/local/imaging/numeric";

/** Linear between two of the sorted values, as NumPy has it. */
function bySorting(values: Float32Array, wanted: readonly number[]): number[] {
  const sorted = values.toSorted();
  return wanted.map((one) => {
    const place = ((sorted.length - 1) * one) / 100;
    const [before = NaN, after = before] = sorted.subarray(Math.floor(place));
    return before + (after - before) * (place - Math.floor(place));
  });
}

/** The same numbers each time. */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

const WANTED = [0, 0.5, 1, 37.3, 50, 99, 99.5, 100];

test.each([1, 2, 3, 10, 1000, 50_000])("percentiles of %i values are those of a sort", (count) => {
  const random = randomly(count);
  const made = {
    noise: Float32Array.from({ length: count }, random),
    // As pictures are: one background, and few steps of grey.
    steps: Float32Array.from({ length: count }, () => Math.max(0, Math.floor(random() * 9) - 5)),
    rising: Float32Array.from({ length: count }, (_, place) => place),
    falling: Float32Array.from({ length: count }, (_, place) => -place),
    organPipe: Float32Array.from({ length: count }, (_, place) => Math.min(place, count - place)),
    flat: new Float32Array(count).fill(7),
  };
  for (const [kind, values] of Object.entries(made)) {
    const expected = bySorting(values, WANTED);
    const found = percentiles(values.slice(), WANTED);
    found.forEach((one, at) => {
      expect(one, `${kind} ${WANTED[at]}`).toBeCloseTo(expected[at] ?? NaN, 4);
    });
  }
});
