/** Stored values of a DICOM frame into grey ones, as a viewer would show them: dicom_display.py. */

import { LEAST_SHOWN, LUMA, WINDOW_FOREGROUND, WINDOW_FUNCTIONS } from "@/local/constants.gen";
import type { Groups } from "@/local/imaging/dicom-geometry";
import { isLittle, type Header, type Keyword } from "@/local/imaging/dicom-header";
import type { StoredFrame } from "@/local/imaging/dicom-pixels";
import { valuesOf, type Description } from "@/local/imaging/dicom-samples";
import { percentiles, range } from "@/local/imaging/numeric";
import { fillBackgrounds, ScanError } from "@/local/imaging/scan";

export interface Displayed {
  values: Float32Array;
  /** Where the frame holds no value. */
  padding: Uint8Array | null;
}

export function displayFrame(
  frame: StoredFrame,
  header: Header,
  groups: Groups,
  description: Description,
): Displayed {
  if (description.photometric === "PALETTE COLOR") {
    return { values: throughPalette(frame.values, header), padding: null };
  }
  if (frame.samples > 1) return { values: lumaOf(frame, description), padding: null };
  if (frame.isFloat && !frame.values.some(Number.isFinite)) {
    return { values: Float32Array.from(frame.values, () => NaN), padding: null };
  }
  const padding = paddingOf(frame, header, description);
  const stored = padding ? filled(frame.values, padding) : frame.values;
  const rescale = groups.PixelValueTransformationSequence ?? header;
  const values = rescaled(stored, rescale);
  const voi = groups.FrameVOILUTSequence ?? header;
  for (const shown of windows(values, voi, rescale, description)) {
    if (showsSomething(values, shown, padding, description)) {
      return { values: Float32Array.from(shown), padding };
    }
  }
  return { values: Float32Array.from(values), padding };
}

/** Brighter is larger, and what is no value is background. */
export function finish(frames: Displayed[], description: Description): Float32Array[] {
  let shown = frames.map((one) => one.values);
  if (description.photometric === "MONOCHROME1") {
    const tops = shown.map((one) => range(one)[1]).filter(Number.isFinite);
    const top = tops.length > 0 ? Math.max(...tops) : 0;
    shown = shown.map((one) => one.map((value) => top - value));
  }
  return fillBackgrounds(
    shown.map((values, at) => {
      const padding = frames[at]?.padding;
      return padding ? Float32Array.from(filled(values, padding)) : values;
    }),
  );
}

function lumaOf(frame: StoredFrame, { photometric }: Description): Float32Array {
  const { values, samples, isConverted } = frame;
  // Of luma and chroma the first sample is what is looked for.
  const isLuma = photometric.startsWith("YBR_FULL") && samples === 3 && !isConverted;
  return Float32Array.from({ length: values.length / samples }, (_, pixel) => {
    const at = (sample: number) => values[pixel * samples + sample] ?? 0;
    return isLuma ? at(0) : LUMA[0] * at(0) + LUMA[1] * at(1) + LUMA[2] * at(2);
  });
}

function paddingOf(frame: StoredFrame, header: Header, { padding: ends }: Description) {
  let isPadding: (value: number) => boolean;
  if (frame.isFloat) {
    const floats = floatPadding(header);
    isPadding = (value) =>
      !Number.isFinite(value) || (floats !== null && value >= floats[0] && value <= floats[1]);
  } else {
    if (!ends) return null;
    isPadding = (value) => value >= ends[0] && value <= ends[1];
  }
  const padding = Uint8Array.from(frame.values, (one) => (isPadding(one) ? 1 : 0));
  return padding.includes(1) && padding.includes(0) ? padding : null;
}

/** What of float pixels stands for no value. PS3.3 C.7.6.24. */
function floatPadding(header: Header): [number, number] | null {
  const isDouble = header.has("DoubleFloatPixelData");
  const value = header.number(isDouble ? "DoubleFloatPixelPaddingValue" : "FloatPixelPaddingValue");
  if (value === null) return null;
  const limit = header.number(
    isDouble ? "DoubleFloatPixelPaddingRangeLimit" : "FloatPixelPaddingRangeLimit",
  );
  return [Math.min(value, limit ?? value), Math.max(value, limit ?? value)];
}

/** The least value that is one in the place of all that are not. */
function filled<T extends Float32Array | Float64Array>(values: T, padding: Uint8Array): T {
  let low = Infinity;
  values.forEach((value, at) => {
    if (!padding[at] && value < low) low = value;
  });
  return values.map((value, at) => (padding[at] ? low : value)) as T;
}

function rescaled(values: Float64Array, rescale: Header): Float64Array {
  const table = tableOf(rescale, "ModalityLUTSequence");
  if (table) return values.map((one) => lookUp(table, one));
  const slope = rescale.number("RescaleSlope") ?? 0;
  const intercept = rescale.number("RescaleIntercept");
  if (slope === 0 && intercept === null) return values;
  return values.map((one) => one * (slope || 1) + (intercept ?? 0));
}

/** The values through the VOI LUT, then through each window, as far as they are usable. */
function* windows(
  values: Float64Array,
  voi: Header,
  rescale: Header,
  description: Description,
): Generator<Float64Array> {
  const table = tableOf(voi, "VOILUTSequence");
  if (table) yield values.map((one) => lookUp(table, Math.round(one)));
  const name = voi.term("VOILUTFunction") ?? "LINEAR";
  const centers = voi.numbers("WindowCenter");
  const widths = voi.numbers("WindowWidth");
  if (!(WINDOW_FUNCTIONS as readonly string[]).includes(name) || !centers || !widths) return;
  const [low, high] = outputRange(rescale, description);
  for (const [at, center] of centers.entries()) {
    const width = widths[at];
    if (width === undefined || !(width >= 1 || (name !== "LINEAR" && width > 0))) continue;
    yield applyWindow(values, name, center, width, [low, high]);
  }
}

function outputRange(rescale: Header, { stored, isSigned }: Description): [number, number] {
  const table = tableOf(rescale, "ModalityLUTSequence");
  if (table) return [0, 2 ** table.depth - 1];
  const ends = isSigned ? [-(2 ** (stored - 1)), 2 ** (stored - 1) - 1] : [0, 2 ** stored - 1];
  const slope = rescale.number("RescaleSlope") || 1;
  const intercept = rescale.number("RescaleIntercept") ?? 0;
  return ends.map((one) => one * slope + intercept) as [number, number];
}

/** PS3.3 C.11.2.1.2 and C.11.2.1.3. */
function applyWindow(
  values: Float64Array,
  name: string,
  center: number,
  width: number,
  [low, high]: readonly [number, number],
): Float64Array {
  const span = high - low;
  if (name === "SIGMOID") {
    return values.map((one) => span / (1 + Math.exp((-4 * (one - center)) / width)) + low);
  }
  const [middle, size] = name === "LINEAR" ? [center - 0.5, width - 1] : [center, width];
  return values.map((one) => {
    if (one <= middle - size / 2) return low;
    if (one > middle + size / 2) return high;
    return ((one - middle) / size + 0.5) * span + low;
  });
}

/** Whether a window leaves a picture of what lies above the background. */
function showsSomething(
  values: Float64Array,
  shown: Float64Array,
  padding: Uint8Array | null,
  { rows, columns }: Description,
): boolean {
  const step = Math.max(1, Math.floor(Math.min(rows, columns) / 128));
  const sampled: number[] = [];
  for (let row = 0; row < rows; row += step) {
    for (let column = 0; column < columns; column += step) {
      const at = row * columns + column;
      if (!padding?.[at]) sampled.push(at);
    }
  }
  if (sampled.length === 0) return true;
  const before = Float64Array.from(sampled, (at) => values[at] ?? 0);
  const [low = 0, high = 0] = percentiles(before.slice(), [1, 99]);
  const level = low + WINDOW_FOREGROUND * (high - low);
  const foreground = sampled.filter((at) => (values[at] ?? 0) > level);
  const [least, most] = range(foreground.map((at) => values[at] ?? 0));
  if (foreground.length === 0 || least === most) return true;
  const [black, white] = range(sampled.map((at) => shown[at] ?? 0));
  const between = foreground.filter((at) => (shown[at] ?? 0) > black && (shown[at] ?? 0) < white);
  return between.length / foreground.length >= LEAST_SHOWN;
}

interface Table {
  first: number;
  depth: number;
  data: number[];
}

function tableOf(header: Header, sequence: Keyword): Table | null {
  const item = header.items(sequence)[0];
  return item ? readTable(item, "LUTDescriptor", "LUTData") : null;
}

/** A table that is not whole counts as none. */
function readTable(item: Header, descriptor: Keyword, data: Keyword): Table | null {
  const stated = item.numbers(descriptor, 3);
  const element = item.element(data);
  if (!element || !stated) return null;
  const [count, first, depth] = stated as [number, number, number];
  if (depth < 1 || depth > 16) return null;
  const entries = count & 0xffff || 65_536;
  const isOfBytes = depth <= 8 && element.length < 2 * entries;
  const width = isOfBytes ? 1 : 2;
  if (element.length < width * entries) return null;
  const { byteArray } = item.dataSet;
  const bytes = byteArray.slice(element.dataOffset, element.dataOffset + width * entries);
  const values = valuesOf(bytes as Uint8Array<ArrayBuffer>, {
    bits: 8 * width,
    isSigned: false,
    isFloat: false,
    isLittle: isLittle(item.dataSet),
  });
  return { first, depth, data: [...values] };
}

function lookUp({ first, data }: Table, value: number): number {
  return data[Math.min(data.length - 1, Math.max(0, value - first))] ?? 0;
}

function throughPalette(values: Float64Array, header: Header): Float32Array {
  const tables = (["Red", "Green", "Blue"] as const).map((color) =>
    readTable(
      header,
      `${color}PaletteColorLookupTableDescriptor`,
      `${color}PaletteColorLookupTableData`,
    ),
  );
  if (tables.includes(null)) {
    throw new ScanError("corrupt-image", "The DICOM file's palette is missing or damaged.");
  }
  return Float32Array.from(values, (value) =>
    tables.reduce(
      (sum, table, at) => sum + (LUMA[at] ?? 0) * (table ? lookUp(table, value) : 0),
      0,
    ),
  );
}
