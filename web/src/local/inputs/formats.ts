/** What a file is, told by its first bytes, and what to say of a file that is not read here. */

import { FORMATS, LIMITS, NAMED_AS_SCAN } from "@/local/constants.gen";
import { ScanError } from "@/local/imaging/scan";

export type Kind = "PNG" | "JPEG" | "BMP" | "TIFF" | "WebP" | "DICOM" | "NIfTI" | "zip" | "gzip";

const BMP_HEADERS = new Set([12, 40, 52, 56, 64, 108, 124]);

const HTML = "HTML (a web page, as comes where a download failed)";

/** What is told by its beginning alone, most of it never read here. */
const BEGINNINGS: readonly (readonly [string, readonly number[]])[] = [
  ["PNG", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["JPEG", [0xff, 0xd8, 0xff]],
  ["TIFF", [0x49, 0x49, 0x2a, 0]],
  ["TIFF", [0x4d, 0x4d, 0, 0x2a]],
  ["zip", [0x50, 0x4b, 3, 4]],
  ["zip", [0x50, 0x4b, 5, 6]],
  ["gzip", [0x1f, 0x8b]],
  ["NRRD", [...new TextEncoder().encode("NRRD000")]],
  ["MetaImage", [...new TextEncoder().encode("ObjectType")]],
  ["MetaImage", [...new TextEncoder().encode("NDims")]],
  ["GIF", [...new TextEncoder().encode("GIF8")]],
  ["PDF", [...new TextEncoder().encode("%PDF-")]],
  ["JPEG 2000", [0xff, 0x4f, 0xff, 0x51]],
  ["Photoshop", [...new TextEncoder().encode("8BPS")]],
  ["FITS", [...new TextEncoder().encode("SIMPLE  = ")]],
  ["VTK", [...new TextEncoder().encode("# vtk DataFile")]],
  ["GE Signa (before DICOM)", [...new TextEncoder().encode("IMGF")]],
  [
    "Git LFS (a pointer in place of the file)",
    [...new TextEncoder().encode("version https://git-lfs")],
  ],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["RAR", [...new TextEncoder().encode("Rar!")]],
];

export function recognize(head: Uint8Array): string | null {
  if (text(head, 128, 4) === "DICM") return "DICOM";
  const begun = BEGINNINGS.find(([, bytes]) => bytes.every((one, at) => head[at] === one));
  if (begun) return begun[0];
  if (text(head, 0, 4) === "RIFF" && text(head, 8, 4) === "WEBP") return "WebP";
  if (/^\s*<(!doctype html|html)/i.test(text(head, 0, 64))) return HTML;
  if (text(head, 0, 2) === "BM" && BMP_HEADERS.has(word(head, 14))) return "BMP";
  if (/^n[+i]1/.test(text(head, 344, 3)) || /^n[+i]2/.test(text(head, 4, 3))) return "NIfTI";
  return isBareDicom(head) ? "DICOM" : null;
}

/** A DICOM data set without preamble, by its first element, of group 0002 or 0008. */
function isBareDicom(head: Uint8Array): boolean {
  if (head.length < 8) return false;
  const group = word(head, 0) & 0xffff;
  if (group !== 2 && group !== 8 && group !== 0x0800) return false;
  return /^[A-Z]{2}$/.test(text(head, 4, 2)) || word(head, 4) < 256;
}

/** Whether a file of a folder or archive is tried, by its name; leaving it out would mislead. */
export function isNamedAsScan(name: string): boolean {
  const lowered = name.toLowerCase();
  // What else is packed around a scan changes nothing.
  const inside = lowered.replace(/\.(gz|bz2|xz|zst)$/, "");
  return NAMED_AS_SCAN.some((ending) => lowered.endsWith(ending) || inside.endsWith(ending));
}

export function notRead(head: Uint8Array, name: string): ScanError {
  const found = recognize(head) ?? formatByName(name);
  const format = FORMATS.find((one) => one.name === found);
  if (format && !format.isReadHere && format.name !== "zip") {
    const advice = format.isRead
      ? "it is read by the installed tumorscope, not inside the browser"
      : format.advice;
    return new ScanError("unsupported-format", `${format.name} is not read here; ${advice}.`);
  }
  const bytes = [...head.subarray(0, 8)].map((one) => one.toString(16).padStart(2, "0")).join(" ");
  return new ScanError(
    "unsupported-format",
    `The content (it starts with ${bytes}) is not ${readHere(" or ")}.`,
  );
}

/** Names of the formats that are read here, as words. */
export function readHere(join: string): string {
  const names = [...new Set(FORMATS.filter((one) => one.isReadHere).map((one) => one.name))];
  return names.slice(0, -1).join(", ") + join + (names.at(-1) ?? "");
}

function formatByName(name: string): string | null {
  const lowered = name.toLowerCase();
  const fitting = FORMATS.flatMap((one) =>
    one.endings
      .filter((ending) => lowered.endsWith(ending))
      .map((ending) => ({ name: one.name, length: ending.length })),
  );
  return fitting.toSorted((a, b) => b.length - a.length)[0]?.name ?? null;
}

export function checkBytes(size: number): void {
  if (size <= LIMITS.max_bytes) return;
  throw new ScanError(
    "image-too-large",
    `The file has ${size.toLocaleString("en")} bytes; the limit is ${LIMITS.max_bytes.toLocaleString("en")}.`,
  );
}

/** Check sizes that a header gives, before anything of that size is made. */
export function checkSize(rows: number, columns: number, frames = 1): void {
  const told = (value: number) => value.toLocaleString("en");
  const refuse = (message: string) => new ScanError("image-too-large", message);
  if (rows * columns > LIMITS.max_pixels) {
    throw refuse(
      `The image says it has ${told(rows)} x ${told(columns)} pixels; the limit is ${told(LIMITS.max_pixels)} pixels.`,
    );
  }
  if (frames > LIMITS.max_frames) {
    throw refuse(
      `The file says it has ${told(frames)} frames; the limit is ${told(LIMITS.max_frames)}.`,
    );
  }
  if (rows * columns * frames > LIMITS.max_voxels) {
    throw refuse(
      `The file says it has ${told(rows)} x ${told(columns)} x ${told(frames)} voxels; the limit is ${told(LIMITS.max_voxels)}.`,
    );
  }
}

function text(head: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...head.subarray(start, start + length));
}

function word(head: Uint8Array, start: number): number {
  return head.length < start + 4
    ? 0
    : new DataView(head.buffer, head.byteOffset).getUint32(start, true);
}
