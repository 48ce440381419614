/** One grey picture with what is known of where it came from: Python's `Scan`. */

import { BLANK, MIN_SIDE, WITHOUT_UID, type ERROR_TITLES } from "@/local/constants.gen";
import { range } from "@/local/imaging/numeric";
import type { ImageAnswer, SliceView } from "@/lib/api/types";

export type ErrorType = keyof typeof ERROR_TITLES;
export type Plane = NonNullable<SliceView["plane"]>;
export type SequenceName = NonNullable<ImageAnswer["sequence"]["name"]>;

/** An input that cannot be answered; the rest goes on. */
export class ScanError extends Error {
  readonly type: ErrorType;

  constructor(type: ErrorType, detail: string) {
    super(detail);
    this.name = "ScanError";
    this.type = type;
  }
}

export interface Grey {
  rows: number;
  columns: number;
  /** Row by row, in the file's own units. */
  values: Float32Array;
}

/** What tells a DICOM slice from the others of its series. */
export interface SliceMember {
  digest: string;
  isPlaced: boolean;
  orientation: number[] | null;
  number: number | null;
  traits: [string, string][];
}

export interface Scan {
  pixels: Grey;
  source: string;
  sliceIndex: number | null;
  sopInstanceUid: string | null;
  seriesUid: string | null;
  studyUid: string | null;
  seriesDescription: string | null;
  positionMm: number | null;
  spacingMm: [number, number] | null;
  plane: Plane | null;
  sides: [string, string] | null;
  modality: string | null;
  bodyPart: string | null;
  member: SliceMember | null;
  notes: string[];
  /** As the header tells it. */
  sequence: SequenceName | null;
}

/** DICOM Series Instance UID; `null` where the file has none. */
export function seriesInstanceUid({ seriesUid, source, sopInstanceUid, member }: Scan) {
  const isDicom = sopInstanceUid !== null || member !== null;
  if (!isDicom || seriesUid === null || seriesUid === source) return null;
  return seriesUid.startsWith(WITHOUT_UID) ? null : seriesUid;
}

/** Of several studies the series are several, though some programs give one UID to all. */
export function seriesKey({ seriesUid, studyUid }: Scan): string | null {
  return seriesUid === null ? null : JSON.stringify([seriesUid, studyUid]);
}

/** A picture of which nothing but its name is known. */
export function plainScan(pixels: Grey, source: string, part: Partial<Scan> = {}): Scan {
  return {
    pixels,
    source,
    sliceIndex: null,
    sopInstanceUid: null,
    seriesUid: null,
    studyUid: null,
    seriesDescription: null,
    positionMm: null,
    spacingMm: null,
    plane: null,
    sides: null,
    modality: null,
    bodyPart: null,
    member: null,
    notes: [],
    sequence: null,
    ...part,
  };
}

/** Why a slice is turned away unseen; one of many may be blank, a picture alone may not. */
export function blankReason(scan: Scan): string | null {
  const isOneOfMany = scan.sliceIndex !== null || scan.seriesUid !== null;
  if (!isOneOfMany) return null;
  const [low, high] = range(scan.pixels.values);
  return low === high ? BLANK : null;
}

/** Refuse what holds no picture. */
export function checkPicture({ rows, columns, values }: Grey): void {
  if (Math.min(rows, columns) < MIN_SIDE) {
    throw new ScanError(
      "image-content",
      `The image has ${rows} rows and ${columns} columns; at least ${MIN_SIDE} x ${MIN_SIDE} pixels are needed.`,
    );
  }
  const [low, high] = range(values);
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    throw new ScanError(
      "image-content",
      "The image holds NaN or infinite values; there is no image to analyze.",
    );
  }
  if (low === high) {
    throw new ScanError(
      "image-content",
      `All pixels have the same value (${low}); there is no image to analyze.`,
    );
  }
}

/** Give pixels that are not finite the least value of those that are. */
export function fillBackground(values: Float32Array): Float32Array {
  let low = Infinity;
  let isFinite = true;
  for (const value of values) {
    if (!Number.isFinite(value)) isFinite = false;
    else if (value < low) low = value;
  }
  if (isFinite) return values;
  if (low === Infinity) {
    throw new ScanError(
      "image-content",
      "The image holds only NaN or infinite values; there is no picture.",
    );
  }
  return values.map((value) => (Number.isFinite(value) ? value : low));
}

/** The same for the pictures of one file: one without any value is blank, while another has some. */
export function fillBackgrounds(pictures: Float32Array[]): Float32Array[] {
  const isEmpty = pictures.map((one) => !one.some(Number.isFinite));
  if (isEmpty.every(Boolean)) return pictures.map(fillBackground);
  return pictures.map((one, at) =>
    isEmpty[at] ? new Float32Array(one.length) : fillBackground(one),
  );
}
