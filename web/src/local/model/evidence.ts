/** From the evidence map on the canvas to places and pictures on the image: Python's evidence.py. */

import type { ImageAnswer } from "@/lib/api/types";
import { MAX_LOGIT, ROUNDING } from "@/local/constants.gen";
import { sigmoid } from "@/local/imaging/numeric";
import { toImage, type CanvasGeometry } from "@/local/imaging/preprocess";

/** Evidence logits, row by row, of a square of cells. */
export interface Evidence {
  cells: number;
  logits: Float32Array;
}

type Localization = NonNullable<ImageAnswer["localization"]>;

export function localize(
  { cells, logits }: Evidence,
  geometry: CanvasGeometry,
  canvasSize: number,
  threshold: number,
): Localization {
  const cell = canvasSize / cells;
  let peak = 0;
  logits.forEach((value, at) => {
    if (value > (logits[peak] ?? 0)) peak = at;
  });
  const inside = connected(logits, cells, peak, threshold);
  const rows = inside.map((at) => Math.floor(at / cells));
  const columns = inside.map((at) => at % cells);
  const first = toImage(geometry, Math.min(...rows) * cell, Math.min(...columns) * cell);
  const last = toImage(geometry, (Math.max(...rows) + 1) * cell, (Math.max(...columns) + 1) * cell);
  const middle = toImage(
    geometry,
    (Math.floor(peak / cells) + 0.5) * cell,
    ((peak % cells) + 0.5) * cell,
  );
  const end = last.map((value) => Math.ceil(value - ROUNDING) - 1) as [number, number];
  return {
    peak: pixel(middle, geometry.shape),
    box: [...pixel(first, geometry.shape), ...pixel(end, geometry.shape)],
  };
}

/** Cells that are joined to the peak through cells above the threshold, edge to edge. */
function connected(logits: Float32Array, cells: number, peak: number, threshold: number): number[] {
  const found = new Set([peak]);
  const open = [peak];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const column = at % cells;
    const beside = [at - cells, at + cells];
    if (column > 0) beside.push(at - 1);
    if (column < cells - 1) beside.push(at + 1);
    for (const one of beside) {
      if (found.has(one) || (logits[one] ?? -Infinity) < Math.fround(threshold)) continue;
      found.add(one);
      open.push(one);
    }
  }
  return [...found];
}

function pixel(point: readonly [number, number], shape: readonly [number, number]) {
  return point.map((value, axis) =>
    Math.min(Math.max(0, Math.floor(value + ROUNDING)), (shape[axis] ?? 1) - 1),
  ) as [number, number];
}

export interface Laid {
  width: number;
  height: number;
  values: Uint8Array;
}

/** Lay the evidence over the whole image, on a raster of at most `most` pixels on a side. */
export function evidenceOnImage(
  { cells, logits }: Evidence,
  geometry: CanvasGeometry,
  canvasSize: number,
  most: number,
): Laid {
  const [rows, columns] = geometry.shape;
  const shrink = Math.max(1, Math.max(rows, columns) / most);
  const height = Math.max(1, Math.round(rows / shrink));
  const width = Math.max(1, Math.round(columns / shrink));
  const shares = logits.map((logit) => sigmoid(logit, MAX_LOGIT));
  const cell = (canvasSize / cells) * geometry.scale;
  const [row0, column0] = toImage(geometry, 0, 0);
  const down = neighbors(height, rows / height, cells, cell / geometry.stretch[0], row0);
  const across = neighbors(width, columns / width, cells, cell / geometry.stretch[1], column0);
  const values = new Uint8Array(width * height);
  down.forEach((tall, row) => {
    across.forEach((wide, column) => {
      const at = (y: number, x: number) => shares[y * cells + x] ?? 0;
      const upper = at(tall.low, wide.low) * wide.lower + at(tall.low, wide.high) * wide.upper;
      const lower = at(tall.high, wide.low) * wide.lower + at(tall.high, wide.high) * wide.upper;
      values[row * width + column] = Math.round(
        255 * Math.min(1, upper * tall.lower + lower * tall.upper),
      );
    });
  });
  return { width, height, values };
}

interface Neighbors {
  low: number;
  high: number;
  lower: number;
  upper: number;
}

/** The two cells around each pixel of a line, and what each of them counts; 0 outside of them. */
function neighbors(
  pixels: number,
  step: number,
  cells: number,
  cell: number,
  offset: number,
): Neighbors[] {
  return Array.from({ length: pixels }, (_, index) => {
    const place = ((index + 0.5) * step - offset) / cell;
    const isInside = place >= 0 && place < cells;
    const below = Math.floor(place - 0.5);
    const share = place - 0.5 - below;
    const clip = (value: number) => Math.min(cells - 1, Math.max(0, value));
    return {
      low: clip(below),
      high: clip(below + 1),
      lower: isInside ? 1 - share : 0,
      upper: isInside ? share : 0,
    };
  });
}
