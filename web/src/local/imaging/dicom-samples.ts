/** Samples of DICOM pixels: from bytes to values. */

import { range } from "@/local/imaging/numeric";
import { ScanError } from "@/local/imaging/scan";

export interface Description {
  rows: number;
  columns: number;
  frames: number;
  samples: number;
  bits: number;
  stored: number;
  highBit: number;
  isSigned: boolean;
  isPlanar: boolean;
  photometric: string;
  /** Least and largest sample that stands for no value, both with the sign of samples. */
  padding: [number, number] | null;
}

export interface Kind {
  bits: number;
  isSigned: boolean;
  isFloat: boolean;
  isLittle: boolean;
}

export function valuesOf(
  bytes: Uint8Array<ArrayBuffer>,
  { bits, isSigned, isFloat, isLittle: little }: Kind,
) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readers: Partial<Record<string, (at: number) => number>> = {
    "8": (at) => (isSigned ? view.getInt8(at) : view.getUint8(at)),
    "16": (at) => (isSigned ? view.getInt16(at, little) : view.getUint16(at, little)),
    "32": (at) => (isSigned ? view.getInt32(at, little) : view.getUint32(at, little)),
    "32f": (at) => view.getFloat32(at, little),
    "64f": (at) => view.getFloat64(at, little),
  };
  const read = readers[`${bits}${isFloat ? "f" : ""}`];
  if (!read)
    throw new ScanError("unsupported-format", `DICOM pixels of ${bits} bits are not read here.`);
  const width = bits / 8;
  return Float64Array.from({ length: Math.floor(bytes.length / width) }, (_, at) =>
    read(at * width),
  );
}

/** Take the bits of the value out of each sample; they end at HighBit. Longer padding stays. */
export function inPlace(values: Float64Array, description: Description) {
  const { bits, stored, highBit, isSigned, samples } = description;
  if (stored >= bits || samples > 1 || bits > 16) return values;
  const mask = 2 ** stored - 1;
  let shift = highBit + 1 - stored;
  if (!(shift >= 0 && shift <= bits - stored)) shift = 0;
  const below = 2 ** shift - 1;
  const all = 2 ** bits - 1;
  // A wrong header: something lies where nothing should, and nothing where the value should end.
  const isLow = shift > 0 && values.some((one) => (one & below) !== 0);
  if (isLow && !values.some((one) => (one & all) >> stored !== 0)) shift = 0;
  const half = 2 ** (stored - 1);
  const isPadding = longPadding(description);
  return values.map((one) => {
    if (isPadding(one)) return one;
    const value = ((one & all) >> shift) & mask;
    return isSigned && value >= half ? value - 2 ** stored : value;
  });
}

/** What tells padding that takes more bits than a value. */
function longPadding({ padding, stored, isSigned }: Description): (value: number) => boolean {
  const [low, high] = isSigned ? [-(2 ** (stored - 1)), 2 ** (stored - 1)] : [0, 2 ** stored];
  if (!padding || padding.every((one) => one >= low && one < high)) return () => false;
  return (value) => value >= padding[0] && value <= padding[1];
}

/** Extend the sign of negative values that a stream holds as bare bits of a shorter number. */
export function withSign(values: Float64Array, { stored, isSigned }: Description, bits: number) {
  if (!isSigned || stored >= bits) return values;
  const [least, most] = range(values);
  const half = 2 ** (stored - 1);
  if (least < 0 || most < half || most >= 2 * half) return values;
  return values.map((one) => (one >= half ? one - 2 * half : one));
}

export function interleaved(values: Float64Array, { samples, isPlanar }: Description) {
  if (!isPlanar) return { values, samples };
  const pixels = values.length / samples;
  const mixed = values.map(
    (_, at) => values[(at % samples) * pixels + Math.floor(at / samples)] ?? 0,
  );
  return { values: mixed, samples };
}
