/** Samples of DICOM pixels: from bytes to values. */

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

/** Take the bits of the value out of each sample; they end at HighBit. */
export function inPlace(
  values: Float64Array,
  { bits, stored, highBit, isSigned, samples }: Description,
) {
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
  return values.map((one) => {
    const value = ((one & all) >> shift) & mask;
    return isSigned && value >= half ? value - 2 ** stored : value;
  });
}

export function withSign(values: Float64Array, { stored, isSigned }: Description, bits: number) {
  if (!isSigned || stored >= bits) return values;
  const [mask, half] = [2 ** stored - 1, 2 ** (stored - 1)];
  return values.map((one) => ((one & mask) ^ half) - half);
}

export function interleaved(values: Float64Array, { samples, isPlanar }: Description) {
  if (!isPlanar) return { values, samples };
  const pixels = values.length / samples;
  const mixed = values.map(
    (_, at) => values[(at % samples) * pixels + Math.floor(at / samples)] ?? 0,
  );
  return { values: mixed, samples };
}
