/**
 * From pixels to the network's input: Python's `Preprocessing`, step by step. Shared vectors hold
 * the two together (tests/contract/test_browser_vectors.py and vectors.test.ts).
 */

import {
  MAX_RATIO,
  MAX_STRETCHED,
  MIN_SIDE,
  PREPROCESSING,
  SAFE_MAGNITUDE,
  SAFE_RESOLUTION,
  SQUARE,
} from "@/local/constants.gen";
import { percentiles, range, rint } from "@/local/imaging/numeric";
import { resizeBytes, resizeFloats } from "@/local/imaging/resample";
import { checkPicture, type Grey } from "@/local/imaging/scan";

/** As an artifact's manifest has it. */
export interface Preprocessing {
  name: string;
  version: number;
  size: number;
  foreground_fraction: number;
  line_fraction: number;
  run_fraction: number;
  margin_fraction: number;
  low_percentile: number;
  high_percentile: number;
}

/** How a canvas lies over the image it was made from; see Python's `CanvasGeometry`. */
export interface CanvasGeometry {
  row0: number;
  column0: number;
  scale: number;
  shape: [number, number];
  stretch: [number, number];
}

export interface Canvas {
  /** Size x size grey values. */
  bytes: Uint8Array;
  geometry: CanvasGeometry;
}

interface Span {
  start: number;
  stop: number;
}

/** Sides of a picture are sampled so that about this many lines are left. */
const SAMPLED_LINES = 128;

export function knowsPreprocessing({ name, version }: Preprocessing): boolean {
  return name === PREPROCESSING.name && version === PREPROCESSING.version;
}

export function makeCanvas(
  steps: Preprocessing,
  pixels: Grey,
  spacingMm: readonly [number, number] | null,
): Canvas {
  checkPicture(pixels);
  const [image, stretch] = withSquarePixels(inSafeRange(pixels), spacingMm);
  const threshold = foregroundThreshold(steps, image);
  const [down, across] = foregroundBox(steps, image, threshold);
  const side = Math.max(down.stop - down.start, across.stop - across.start);
  const geometry: CanvasGeometry = {
    row0: (down.start + down.stop - side) / 2,
    column0: (across.start + across.stop - side) / 2,
    scale: side / steps.size,
    shape: [pixels.rows, pixels.columns],
    stretch,
  };
  const crop = cut(image, down, across);
  const shown = { ...crop, values: window(steps, crop, threshold) };
  return { bytes: put(shown, [down.start, across.start], geometry, steps.size), geometry };
}

export function toImage(
  { row0, column0, scale, stretch }: CanvasGeometry,
  row: number,
  column: number,
): [number, number] {
  return [(row0 + row * scale) / stretch[0], (column0 + column * scale) / stretch[1]];
}

/** Rescale only where float32 arithmetic would overflow. */
function inSafeRange(pixels: Grey): Grey {
  const [low, high] = range(pixels.values);
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const isSafe = largest > 1 / SAFE_MAGNITUDE && largest < SAFE_MAGNITUDE;
  if (isSafe && high - low > largest * SAFE_RESOLUTION) return pixels;
  const least = low / largest;
  const width = high / largest - least;
  return { ...pixels, values: pixels.values.map((value) => (value / largest - least) / width) };
}

function withSquarePixels(
  image: Grey,
  spacingMm: readonly [number, number] | null,
): [Grey, [number, number]] {
  const ratio = spacingMm === null ? 1 : spacingMm[0] / spacingMm[1];
  const turn = Math.abs(Math.log(ratio));
  if (!(turn > Math.log(SQUARE) && turn <= Math.log(MAX_RATIO))) return [image, [1, 1]];
  let [tall, wide] = ratio > 1 ? [ratio, 1] : [1, 1 / ratio];
  const largest = Math.max(tall, wide);
  if (image.values.length * largest > MAX_STRETCHED)
    [tall, wide] = [tall / largest, wide / largest];
  const rows = Math.max(1, rint(image.rows * tall));
  const columns = Math.max(1, rint(image.columns * wide));
  if (rows === image.rows && columns === image.columns) return [image, [1, 1]];
  const stretched = resizeFloats(image, rows, columns);
  return [stretched, [rows / image.rows, columns / image.columns]];
}

/** Every `step`-th pixel of every `step`-th row: the same percentiles for less sorting. */
function sample(image: Grey): Float32Array {
  const step = Math.max(1, Math.floor(Math.min(image.rows, image.columns) / SAMPLED_LINES));
  const rows = Math.ceil(image.rows / step);
  const columns = Math.ceil(image.columns / step);
  const taken = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      taken[row * columns + column] = image.values[row * step * image.columns + column * step] ?? 0;
    }
  }
  return taken;
}

function foregroundThreshold(steps: Preprocessing, image: Grey): number {
  let [low = 0, high = 0] = percentiles(sample(image), [1, 99]);
  if (high <= low) [low, high] = range(image.values);
  return low + steps.foreground_fraction * (high - low);
}

function foregroundBox(steps: Preprocessing, image: Grey, threshold: number): [Span, Span] {
  const { rows, columns, values } = image;
  const across = new Uint32Array(rows);
  const down = new Uint32Array(columns);
  const level = Math.fround(threshold);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      if ((values[row * columns + column] ?? 0) <= level) continue;
      across[row] = (across[row] ?? 0) + 1;
      down[column] = (down[column] ?? 0) + 1;
    }
  }
  const tall = hits(across, steps.line_fraction * columns, steps.run_fraction);
  const wide = hits(down, steps.line_fraction * rows, steps.run_fraction);
  if (Math.min(tall.count, wide.count) < MIN_SIDE) {
    return [
      { start: 0, stop: rows },
      { start: 0, stop: columns },
    ];
  }
  const longer = Math.max(tall.stop - tall.start, wide.stop - wide.start);
  const margin = rint(steps.margin_fraction * longer);
  const widened = ({ start, stop }: Span, most: number): Span => ({
    start: Math.max(0, start - margin),
    stop: Math.min(most, stop + margin),
  });
  return [widened(tall, rows), widened(wide, columns)];
}

/** The lines that enough foreground lies on, less the runs of them that are too thin. */
function hits(counts: Uint32Array, least: number, thin: number): Span & { count: number } {
  const found = { start: 0, stop: 0, count: 0 };
  let from = -1;
  for (let at = 0; at <= counts.length; at += 1) {
    const isHit = at < counts.length && (counts[at] ?? 0) >= least;
    if (isHit && from < 0) from = at;
    if (isHit || from < 0) continue;
    const length = at - from;
    if (length >= thin * counts.length) {
      if (found.count === 0) found.start = from;
      found.stop = at;
      found.count += length;
    }
    from = -1;
  }
  return found;
}

function cut(image: Grey, down: Span, across: Span): Grey {
  const [rows, columns] = [down.stop - down.start, across.stop - across.start];
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const start = (down.start + row) * image.columns + across.start;
    values.set(image.values.subarray(start, start + columns), row * columns);
  }
  return { rows, columns, values };
}

/** Grey values from 0 to 255, rounded, with the background at 0. */
function window(steps: Preprocessing, crop: Grey, threshold: number): Float32Array {
  const all = sample(crop);
  const level = Math.fround(threshold);
  const inside = all.filter((value) => value > level);
  const taken = inside.length < MIN_SIDE ? all : inside;
  let [low = 0, high = 0] = percentiles(taken, [steps.low_percentile, steps.high_percentile]);
  low = Math.min(low, threshold);
  if (high <= low) [low, high] = range(crop.values);
  const black = Math.fround(low);
  const factor = Math.fround(255 / (high - low));
  return crop.values.map((value) => {
    const grey = Math.fround(Math.fround(value - black) * factor);
    return rint(Math.min(255, Math.max(0, grey)));
  });
}

/** Resize into its place on the canvas. */
function put(
  shown: Grey,
  [row, column]: readonly [number, number],
  geometry: CanvasGeometry,
  size: number,
): Uint8Array {
  const { scale } = geometry;
  const top = (row - geometry.row0) / scale;
  const left = (column - geometry.column0) / scale;
  const down = clipSpan(top, top + shown.rows / scale, size);
  const across = clipSpan(left, left + shown.columns / scale, size);
  const resized = resizeBytes(
    { ...shown, values: Uint8Array.from(shown.values) },
    down.stop - down.start,
    across.stop - across.start,
    [
      Math.max(0, (across.start - left) * scale),
      Math.max(0, (down.start - top) * scale),
      Math.min(shown.columns, (across.stop - left) * scale),
      Math.min(shown.rows, (down.stop - top) * scale),
    ],
  );
  const canvas = new Uint8Array(size * size);
  for (let line = 0; line < resized.rows; line += 1) {
    const from = line * resized.columns;
    const part = resized.values.subarray(from, from + resized.columns);
    canvas.set(part, (down.start + line) * size + across.start);
  }
  return canvas;
}

/** What is thinner than a canvas pixel still gets the one that it begins in. */
function clipSpan(start: number, stop: number, size: number): Span {
  const edge = stop - start < 1 ? Math.floor(start) : rint(start);
  const first = Math.min(Math.max(0, edge), size - 1);
  return { start: first, stop: Math.max(first + 1, Math.min(size, rint(stop))) };
}
