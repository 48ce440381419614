/**
 * Resizing as Pillow's BILINEAR does it, to the last bit for 8-bit pictures: a triangle as wide as
 * the pixels of the smaller picture, along rows first, then along columns.
 */

/** Fractional bits of Pillow's weights for 8-bit pictures. */
const PRECISION_BITS = 22;

export interface Raster<T> {
  rows: number;
  columns: number;
  values: T;
}

/** The part of the picture that is resized, as left, top, right and bottom. */
export type Box = readonly [number, number, number, number];

interface Weights {
  /** For each pixel of the result, the first and the number of pixels that count. */
  starts: Int32Array;
  counts: Int32Array;
  values: Float64Array;
  width: number;
}

export function resizeBytes(
  picture: Raster<Uint8Array>,
  rows: number,
  columns: number,
  box: Box = [0, 0, picture.columns, picture.rows],
): Raster<Uint8Array> {
  return resize(picture, rows, columns, box, {
    make: (size) => new Uint8Array(size),
    weight: (value) => Math.trunc(value * 2 ** PRECISION_BITS + (value < 0 ? -0.5 : 0.5)),
    finish: (sum) =>
      Math.min(255, Math.max(0, (sum + 2 ** (PRECISION_BITS - 1)) >> PRECISION_BITS)),
  });
}

export function resizeFloats(
  picture: Raster<Float32Array>,
  rows: number,
  columns: number,
): Raster<Float32Array> {
  return resize(picture, rows, columns, [0, 0, picture.columns, picture.rows], {
    make: (size) => new Float32Array(size),
    weight: (value) => value,
    finish: (sum) => sum,
  });
}

interface Arithmetic<T> {
  make: (size: number) => T;
  weight: (value: number) => number;
  finish: (sum: number) => number;
}

function resize<T extends Uint8Array | Float32Array>(
  picture: Raster<T>,
  rows: number,
  columns: number,
  box: Box,
  arithmetic: Arithmetic<T>,
): Raster<T> {
  const [left, top, right, bottom] = box.map(Math.fround) as [number, number, number, number];
  let { values } = picture;
  if (columns !== picture.columns || left !== 0 || right !== columns) {
    const weights = weigh(picture.columns, left, right, columns, arithmetic.weight);
    values = alongRows({ ...picture, values }, columns, weights, arithmetic);
  }
  if (rows !== picture.rows || top !== 0 || bottom !== rows) {
    const weights = weigh(picture.rows, top, bottom, rows, arithmetic.weight);
    values = alongColumns({ rows: picture.rows, columns, values }, rows, weights, arithmetic);
  }
  return { rows, columns, values };
}

function weigh(
  size: number,
  start: number,
  stop: number,
  wanted: number,
  convert: (value: number) => number,
): Weights {
  const scale = Math.fround(stop - start) / wanted;
  const support = Math.max(1, scale);
  const width = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(wanted);
  const counts = new Int32Array(wanted);
  const values = new Float64Array(wanted * width);
  for (let place = 0; place < wanted; place += 1) {
    const center = start + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(size, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let at = 0; at < count; at += 1) {
      const distance = Math.abs((at + first - center + 0.5) / support);
      const weight = distance < 1 ? 1 - distance : 0;
      values[place * width + at] = weight;
      sum += weight;
    }
    for (let at = place * width; at < place * width + count; at += 1) {
      values[at] = convert(sum === 0 ? (values[at] ?? 0) : (values[at] ?? 0) / sum);
    }
    starts[place] = first;
    counts[place] = count;
  }
  return { starts, counts, values, width };
}

function alongRows<T extends Uint8Array | Float32Array>(
  { rows, columns, values }: Raster<T>,
  wanted: number,
  weights: Weights,
  { make, finish }: Arithmetic<T>,
): T {
  const result = make(rows * wanted);
  for (let row = 0; row < rows; row += 1) {
    for (let place = 0; place < wanted; place += 1) {
      const first = row * columns + (weights.starts[place] ?? 0);
      const count = weights.counts[place] ?? 0;
      let sum = 0;
      for (let at = 0; at < count; at += 1) {
        sum += (values[first + at] ?? 0) * (weights.values[place * weights.width + at] ?? 0);
      }
      result[row * wanted + place] = finish(sum);
    }
  }
  return result;
}

function alongColumns<T extends Uint8Array | Float32Array>(
  { columns, values }: Raster<T>,
  wanted: number,
  weights: Weights,
  { make, finish }: Arithmetic<T>,
): T {
  const result = make(wanted * columns);
  const sums = new Float64Array(columns);
  for (let place = 0; place < wanted; place += 1) {
    sums.fill(0);
    const first = weights.starts[place] ?? 0;
    const count = weights.counts[place] ?? 0;
    for (let at = 0; at < count; at += 1) {
      const weight = weights.values[place * weights.width + at] ?? 0;
      const row = (first + at) * columns;
      for (let column = 0; column < columns; column += 1) {
        sums[column] = (sums[column] ?? 0) + (values[row + column] ?? 0) * weight;
      }
    }
    for (let column = 0; column < columns; column += 1) {
      result[place * columns + column] = finish(sums[column] ?? 0);
    }
  }
  return result;
}
