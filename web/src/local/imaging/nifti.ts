/** NIfTI-1 and NIfTI-2 files: Python's formats/nifti.py. */

import { readHeader, type NIFTI1, type NIFTI2 } from "nifti-reader-js";

import { TRIED_VOLUMES } from "@/local/constants.gen";
import { range } from "@/local/imaging/numeric";
import { ScanError, type Scan } from "@/local/imaging/scan";
import { isUsable, toScans, type Steps } from "@/local/imaging/volume";
import { checkSize } from "@/local/inputs/formats";

type Header = NIFTI1 | NIFTI2;
type Read = (view: DataView, at: number, little: boolean) => number;

/** By the file's number of the type: bytes of a voxel, and what reads one. */
const TYPES: Partial<Record<number, [number, Read]>> = {
  2: [1, (view, at) => view.getUint8(at)],
  4: [2, (view, at, little) => view.getInt16(at, little)],
  8: [4, (view, at, little) => view.getInt32(at, little)],
  16: [4, (view, at, little) => view.getFloat32(at, little)],
  64: [8, (view, at, little) => view.getFloat64(at, little)],
  256: [1, (view, at) => view.getInt8(at)],
  512: [2, (view, at, little) => view.getUint16(at, little)],
  768: [4, (view, at, little) => view.getUint32(at, little)],
  1024: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  1280: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
};

/** Where the rows of the sform stand, and how wide their numbers are, by version. */
const SFORM = { 1: [280, 4], 2: [400, 8] } as const;
/** By which the squares of a quaternion stored in 32 bits may add up to more than 1. */
const ROUNDING = 1e-3;

function shapeOf({ dims }: ReturnType<typeof parse>) {
  const [count = 0, ...sides] = dims;
  const shape = sides.slice(0, count);
  if (shape.length < 2 || shape.some((side) => !(side >= 1))) throw damaged();
  const [i = 1, j = 1, k = 1, ...more] = shape;
  const [frames = 1, rows = 1, columns = 1] = [i, j, k].toSorted((a, b) => a - b);
  checkSize(rows, columns, frames);
  return { i, j, k, more };
}

export function readNifti(content: Uint8Array<ArrayBuffer>, source: string): Scan[] {
  const buffer =
    content.byteLength === content.buffer.byteLength ? content.buffer : content.slice().buffer;
  const view = new DataView(buffer);
  const version = [view.getInt32(0, true), view.getInt32(0, false)].includes(348) ? 1 : 2;
  const isPair = version === 1 ? view.getUint8(345) === 0x69 : view.getUint8(5) === 0x69;
  if (isPair) {
    throw new ScanError(
      "unsupported-format",
      "The file is the header of a NIfTI pair, without its voxels; convert the pair to one .nii file.",
    );
  }
  const header = parse(buffer);
  const { i, j, k, more } = shapeOf(header);
  const [width, read] = typeOf(header);
  const several = more.reduce((product, side) => product * side, 1);
  const offset = offsetOf(view, header, version);
  const needed = offset + i * j * k * several * width;
  if (needed > content.length) {
    throw new ScanError(
      "corrupt-image",
      `The NIfTI file ends after ${content.length.toLocaleString("en")} of ${needed.toLocaleString("en")} bytes; it is truncated.`,
    );
  }
  const load = (number: number) =>
    voxelsOf(view, header, {
      offset: offset + number * i * j * k * width,
      count: i * j * k,
      width,
      read,
    });
  const [voxels, notes] = chooseVolume(several, load);
  return toScans(
    {
      voxels,
      shape: [i, j, k],
      steps: stepsOf(view, header, version),
      sizes: header.pixDims.slice(1, 4).map(Math.abs),
      notes,
    },
    source,
  );
}

function parse(buffer: ArrayBuffer): Header {
  try {
    return readHeader(buffer);
  } catch {
    throw damaged();
  }
}

function damaged(): ScanError {
  return new ScanError(
    "corrupt-image",
    "The NIfTI file cannot be read; it is truncated or damaged.",
  );
}

function typeOf(header: Header): [number, Read] {
  const type = TYPES[header.datatypeCode];
  if (type) return type;
  throw new ScanError(
    "unsupported-format",
    `The NIfTI file holds voxels of type ${header.datatypeCode}; gray values are needed.`,
  );
}

/** Voxels begin behind the header and its extensions, whatever it says. */
function offsetOf(view: DataView, header: Header, version: 1 | 2): number {
  const stated = Number.isFinite(header.vox_offset)
    ? Math.max(0, Math.trunc(header.vox_offset))
    : 0;
  let least = (version === 1 ? 348 : 540) + 4;
  const hasExtensions = view.byteLength > least - 4 && view.getUint8(least - 4) !== 0;
  while (hasExtensions && least < stated && least + 4 <= view.byteLength) {
    const size = view.getInt32(least, header.littleEndian);
    if (size < 16 || size % 16 || least + size > view.byteLength) break;
    least += size;
  }
  return Math.max(least, stated);
}

interface Part {
  offset: number;
  count: number;
  width: number;
  read: Read;
}

function voxelsOf(view: DataView, header: Header, { offset, count, width, read }: Part) {
  const isScaled = Number.isFinite(header.scl_slope) && header.scl_slope !== 0;
  const slope = isScaled ? header.scl_slope : 1;
  const intercept = isScaled && Number.isFinite(header.scl_inter) ? header.scl_inter : 0;
  const voxels = new Float32Array(count);
  for (let at = 0; at < count; at += 1) {
    voxels[at] = read(view, offset + at * width, header.littleEndian) * slope + intercept;
  }
  return voxels;
}

/** The first of several volumes that shows something, with what has to be said of it. */
function chooseVolume(
  count: number,
  load: (number: number) => Float32Array,
): [Float32Array, string[]] {
  const first = load(0);
  if (count === 1) return [first, []];
  let [number, chosen] = [0, first];
  for (let place = 1; place < Math.min(count, TRIED_VOLUMES) && !shows(chosen); place += 1) {
    [number, chosen] = [place, load(place)];
  }
  if (!shows(chosen)) [number, chosen] = [0, first];
  const note = `The file holds ${count} volumes (4-D); volume ${number + 1} of ${count} is answered, the others are not.`;
  return [chosen, [note]];
}

function shows(voxels: Float32Array): boolean {
  const [low, high] = range(voxels.filter(Number.isFinite));
  return low < high;
}

/** The first usable transform, sform before qform; without either, the axes of Analyze. */
function stepsOf(view: DataView, header: Header, version: 1 | 2): Steps | null {
  const stated: Steps[] = [];
  if (header.sform_code > 0) stated.push(sformOf(view, header, version));
  if (header.qform_code > 0) stated.push(...qformOf(header));
  if (stated.length === 0) {
    const [x = 1, y = 1, z = 1] = header.pixDims.slice(1, 4).map(Math.abs);
    stated.push([
      [-x, 0, 0],
      [0, y, 0],
      [0, 0, z],
    ]);
  }
  return stated.find(isUsable) ?? null;
}

function sformOf(view: DataView, header: Header, version: 1 | 2): Steps {
  const [start, width] = SFORM[version];
  const at = (row: number, column: number) => {
    const place = start + (4 * row + column) * width;
    return version === 1
      ? view.getFloat32(place, header.littleEndian)
      : view.getFloat64(place, header.littleEndian);
  };
  return [0, 1, 2].map((column) => [at(0, column), at(1, column), at(2, column)] as const);
}

function qformOf(header: Header): Steps[] {
  let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d];
  const length = b * b + c * c + d * d;
  if (!(length <= 1 + ROUNDING)) return [];
  if (length > 1)
    [b, c, d] = [b, c, d].map((one) => one / Math.sqrt(length)) as [number, number, number];
  const a = Math.sqrt(Math.max(0, 1 - (b * b + c * c + d * d)));
  const [handed = 1, x = 1, y = 1, z = 1] = header.pixDims.slice(0, 4);
  const sizes = [Math.abs(x), Math.abs(y), Math.abs(z) * (handed === -1 ? -1 : 1)];
  const columns = [
    [a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)],
    [2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)],
    [2 * (b * d + a * c), 2 * (c * d - a * b), a * a + d * d - b * b - c * c],
  ];
  return [
    columns.map(
      (column, at) =>
        column.map((value) => value * (sizes[at] ?? 1)) as unknown as readonly [
          number,
          number,
          number,
        ],
    ),
  ];
}
