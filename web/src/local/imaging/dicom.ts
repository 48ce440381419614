/** DICOM files into grey slices, as a viewer would show them: Python's formats/dicom.py. */

import dicomParser, { type DataSet } from "dicom-parser";
import { Inflate } from "fflate";

import {
  ALONE,
  LIMITS,
  MAX_TRAIT,
  NO_SERIES_UID,
  OF_ONE_SERIES,
  TRAITS,
  WITHOUT_UID,
} from "@/local/constants.gen";
import { displayFrame, finish, type Displayed } from "@/local/imaging/dicom-display";
import {
  functionalGroups,
  sliceGeometry,
  type Groups,
  type SliceGeometry,
} from "@/local/imaging/dicom-geometry";
import { descriptionOf, Header, type Keyword } from "@/local/imaging/dicom-header";
import { describe, storedFrames, syntaxName } from "@/local/imaging/dicom-pixels";
import type { Description } from "@/local/imaging/dicom-samples";
import { headerSequence } from "@/local/imaging/dicom-sequence";
import { plainScan, ScanError, type Scan } from "@/local/imaging/scan";
import { checkSize } from "@/local/inputs/formats";

const IMPLICIT = "1.2.840.10008.1.2";
const EXPLICIT = "1.2.840.10008.1.2.1";
/** PS3.5 A.4: the tag (FFFE,E0DD) and a length of zero. */
const DELIMITER = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];

export async function readDicom(content: Uint8Array<ArrayBuffer>, source: string): Promise<Scan[]> {
  const header = new Header(parse(content));
  const syntax = header.text("TransferSyntaxUID") ?? plainSyntax(content);
  const description = check(header, syntax);
  const groups: Groups[] = [];
  const shown: Displayed[] = [];
  try {
    for await (const frame of storedFrames(header, syntax, description)) {
      const own = functionalGroups(header, shown.length);
      groups.push(own);
      shown.push(displayFrame(frame, header, own, description));
    }
    return finish(shown, description).map((values, index) =>
      scanOf(values, {
        header,
        description,
        groups: groups[index] ?? { owners: [] },
        index,
        source,
      }),
    );
  } catch (error) {
    if (error instanceof ScanError) throw error;
    throw new ScanError(
      "corrupt-image",
      "The DICOM file cannot be interpreted; its header is damaged.",
    );
  }
}

function parse(content: Uint8Array): DataSet {
  const options: Record<string, unknown> = { inflater: inflate };
  const hasPreamble = String.fromCharCode(...content.subarray(128, 132)) === "DICM";
  if (!hasPreamble) options.TransferSyntaxUID = plainSyntax(content);
  try {
    return dicomParser.parseDicom(content, options);
  } catch (error) {
    if (error instanceof ScanError) throw error;
    throw new ScanError(
      "corrupt-image",
      "The DICOM header cannot be parsed; the file is truncated or damaged.",
    );
  }
}

/** How a data set without preamble is written, told by its first element. */
function plainSyntax(content: Uint8Array): string {
  return /^[A-Z]{2}$/.test(String.fromCharCode(...content.subarray(4, 6))) ? EXPLICIT : IMPLICIT;
}

/** Unpack a deflated data set up to the limit, behind the header that is not. */
function inflate(content: Uint8Array, position: number): Uint8Array {
  const packed = content.subarray(position);
  const allowed = Math.min(
    LIMITS.max_bytes,
    Math.max(LIMITS.free_bytes, LIMITS.max_ratio * packed.length),
  );
  const parts = [content.subarray(0, position)];
  let size = position;
  const stream = new Inflate((part) => {
    parts.push(part);
    size += part.length;
    if (size > allowed) {
      throw new ScanError(
        "image-too-large",
        `The deflated DICOM file of ${content.length.toLocaleString("en")} bytes unpacks to more than ${allowed.toLocaleString("en")} bytes.`,
      );
    }
  });
  stream.push(packed, true);
  const whole = new Uint8Array(size);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

function check(header: Header, syntax: string): Description {
  const hasPixels = (["PixelData", "FloatPixelData", "DoubleFloatPixelData"] as const).some((one) =>
    header.has(one),
  );
  if (!hasPixels) {
    throw new ScanError(
      "corrupt-image",
      `The DICOM file (transfer syntax ${syntaxName(syntax)}) holds no pixel data. Give an image; if this should be one, it is truncated.`,
    );
  }
  if (!isDelimited(header)) {
    throw new ScanError(
      "corrupt-image",
      `The DICOM file (transfer syntax ${syntaxName(syntax)}) is truncated: it ends before its pixel data do.`,
    );
  }
  const description = describe(header);
  const { rows, columns, frames } = description;
  if (Math.min(rows, columns, frames) < 1) {
    throw new ScanError(
      "corrupt-image",
      `The DICOM file says it has ${rows} rows, ${columns} columns and ${frames} frames.`,
    );
  }
  checkSize(rows, columns, frames);
  return description;
}

interface Place {
  header: Header;
  description: Description;
  groups: Groups;
  index: number;
  source: string;
}

function scanOf(values: Float32Array, place: Place): Scan {
  const { header, description, groups, index, source } = place;
  const { rows, columns, frames } = description;
  const geometry = sliceGeometry(header, groups, index, frames);
  const notes: string[] = [];
  let series = header.text("SeriesInstanceUID");
  if (series === null && frames > 1) series = source;
  else if (series === null && (geometry.isPlaced || header.whole("InstanceNumber") !== 0)) {
    series = madeUid(place, geometry);
    notes.push(NO_SERIES_UID);
  } else if (series === null) notes.push(ALONE);
  return plainScan({ rows, columns, values }, source, {
    sliceIndex: frames > 1 ? index : null,
    sopInstanceUid: header.text("SOPInstanceUID"),
    seriesUid: series,
    studyUid: header.text("StudyInstanceUID"),
    seriesDescription: descriptionOf(header),
    positionMm: geometry.positionMm,
    spacingMm: geometry.spacingMm,
    plane: geometry.plane,
    sides: geometry.sides,
    modality: header.term("Modality"),
    bodyPart: bodyPartOf(header, groups),
    member: {
      digest: digestOf(values),
      isPlaced: geometry.isPlaced,
      orientation: geometry.orientation,
      number: header.whole("InstanceNumber") || null,
      traits: traitsOf(header, groups, description),
    },
    notes,
    sequence: headerSequence(header, groups),
  });
}

/** Name the series of a slice without one: what its folder, study and geometry are. */
function madeUid({ header, description, source }: Place, geometry: SliceGeometry): string {
  const { spacingMm, orientation } = geometry;
  const folder = source.slice(0, Math.max(0, source.lastIndexOf("/")));
  const parts: unknown[] = [folder, description.rows, description.columns];
  // Without the last digits, in which slices of one series differ.
  parts.push(
    ...[spacingMm, orientation].map(
      (one) => one?.map((value) => Number(value.toFixed(3)) + 0) ?? null,
    ),
  );
  parts.push(...OF_ONE_SERIES.map((keyword) => header.text(keyword)));
  return WITHOUT_UID + JSON.stringify(parts);
}

/** What may tell one volume of a series from another, from frame and instance. */
function traitsOf(
  header: Header,
  groups: Groups,
  { rows, columns }: Description,
): [string, string][] {
  const inner = groups.owners.flatMap((one) =>
    one.items("DiffusionGradientDirectionSequence").slice(0, 1),
  );
  const owners = [header, ...groups.owners, ...inner];
  const found: [string, string][] = [["Rows x Columns", `${rows} x ${columns}`]];
  for (const keyword of TRAITS) {
    const value = owners.map((one) => one.joined(keyword)).find((one) => one !== null);
    if (value) found.push([keyword, value.slice(0, MAX_TRAIT)]);
  }
  return found;
}

function bodyPartOf(header: Header, groups: Groups): string | null {
  const keyword: Keyword = "AnatomicRegionSequence";
  const region = groups.FrameAnatomySequence?.items(keyword)[0] ?? header.items(keyword)[0] ?? null;
  return header.term("BodyPartExamined") ?? region?.term("CodeMeaning") ?? null;
}

/** Equal for equal pixels, and hardly ever for others (FNV-1a of 32 bits, twice). */
function digestOf(values: Float32Array): string {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let [first, second] = [0x811c9dc5, 0x1b873593];
  for (const word of words) {
    first = Math.imul(first ^ word, 0x01000193);
    second = Math.imul(second ^ word ^ (first >>> 15), 0x85ebca6b);
  }
  return `${(first >>> 0).toString(16)}-${(second >>> 0).toString(16)}`;
}

/** Whether compressed frames end with the Sequence Delimitation Item; the parser only warns. */
function isDelimited(header: Header): boolean {
  const element = header.element("PixelData");
  if (!element?.encapsulatedPixelData) return true;
  const end = element.dataOffset + element.length;
  const last = header.dataSet.byteArray.subarray(end - DELIMITER.length, end);
  return DELIMITER.every((byte, at) => last[at] === byte);
}
