/** Where the slices of a DICOM file lie in the patient: Python's formats/dicom_geometry.py. */

import {
  DIRECTIONS,
  ELEMENTS,
  LEAST_AREA,
  MIN_ALIGNMENT,
  PLANE_BY_AXIS,
} from "@/local/constants.gen";
import type { Header, Keyword } from "@/local/imaging/dicom-header";
import type { Plane } from "@/local/imaging/scan";

export interface SliceGeometry {
  positionMm: number | null;
  isPlaced: boolean;
  orientation: number[] | null;
  spacingMm: [number, number] | null;
  plane: Plane | null;
  sides: [string, string] | null;
}

const MACROS = [
  "PlaneOrientationSequence",
  "PlanePositionSequence",
  "PixelMeasuresSequence",
  "PixelValueTransformationSequence",
  "FrameVOILUTSequence",
  "FrameAnatomySequence",
] as const satisfies readonly Keyword[];

export type Groups = Partial<Record<(typeof MACROS)[number], Header>> & {
  /** All items, for elements that may stand in any macro. */
  owners: Header[];
};

/** The first item of each macro of one frame; per-frame before shared. PS3.3 C.7.6.16. */
export function functionalGroups(header: Header, index: number): Groups {
  const shared = header.items("SharedFunctionalGroupsSequence").slice(0, 1);
  const own = header.items("PerFrameFunctionalGroupsSequence").slice(index, index + 1);
  const found = new Map([...shared, ...own].flatMap((group) => group.allItems()));
  const groups: Groups = { owners: [...found.values()] };
  for (const macro of MACROS) {
    const item = found.get(ELEMENTS[macro][0]);
    if (item) groups[macro] = item;
  }
  return groups;
}

export function sliceGeometry(header: Header, groups: Groups, index: number, frames: number) {
  const orientation = orientationOf(groups.PlaneOrientationSequence ?? header);
  const position = (groups.PlanePositionSequence ?? header).numbers("ImagePositionPatient", 3);
  const measures = groups.PixelMeasuresSequence ?? header;
  const [rank, location] = placeOf(header, index, frames);
  const geometry: SliceGeometry = {
    positionMm: location ?? rank,
    isPlaced: location !== null,
    orientation,
    spacingMm: spacingOf(measures, header),
    plane: null,
    sides: null,
  };
  if (!orientation) return geometry;
  const normal = cross(orientation.slice(0, 3), orientation.slice(3));
  const step = frames > 1 && !groups.PlanePositionSequence ? stepOf(measures, index) : 0;
  const along = add(position && dot(normal, position), step) ?? location;
  return {
    ...geometry,
    positionMm: along ?? rank,
    isPlaced: along !== null,
    plane: planeOf(normal),
    sides: [orientation.slice(0, 3), orientation.slice(3)].map((one) =>
      sideOf(one.map((value) => -value)),
    ) as [string, string],
  };
}

/** What stands for the position where the header gives none, and the location that it gives. */
function placeOf(header: Header, index: number, frames: number) {
  if (frames > 1) return [index, null] as const;
  return [header.number("InstanceNumber"), header.number("SliceLocation")] as const;
}

function add(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}

/** Millimetres from the first frame; `null` where their spacing is not stated. */
function stepOf(measures: Header, index: number): number | null {
  const gap = measures.number("SpacingBetweenSlices");
  return gap === null ? null : index * gap;
}

/** Directions of rows and columns, of length 1; `null` if they span no plane. */
function orientationOf(header: Header): number[] | null {
  const stated = header.numbers("ImageOrientationPatient", 6);
  if (!stated) return null;
  const directions = [stated.slice(0, 3), stated.slice(3)];
  const lengths = directions.map((one) => Math.hypot(...one));
  if (Math.min(...lengths) <= 0) return null;
  const [row = [], column = []] = directions.map((one, at) =>
    one.map((value) => value / (lengths[at] ?? 1)),
  );
  return Math.hypot(...cross(row, column)) < LEAST_AREA ? null : [...row, ...column];
}

function spacingOf(measures: Header, header: Header): [number, number] | null {
  const sources: [Header, Keyword][] = [
    [measures, "PixelSpacing"],
    [header, "ImagerPixelSpacing"],
    [header, "NominalScannedPixelSpacing"],
  ];
  for (const [owner, keyword] of sources) {
    const [rows = 0, columns = 0] = owner.numbers(keyword, 2) ?? [];
    if (Math.min(rows, columns) > 0) return [rows, columns];
  }
  const [tall = 0, wide = 0] = header.numbers("PixelAspectRatio", 2) ?? [];
  // Of unknown length, but of known proportions.
  return Math.min(tall, wide) > 0 && tall !== wide ? [tall, wide] : null;
}

function planeOf(normal: number[]): Plane | null {
  const length = Math.hypot(...normal);
  const sizes = normal.map(Math.abs);
  const axis = sizes.indexOf(Math.max(...sizes));
  const isAligned = length > 0 && (sizes[axis] ?? 0) / length >= MIN_ALIGNMENT;
  return isAligned ? (PLANE_BY_AXIS[axis] ?? null) : null;
}

function sideOf(direction: number[]): string {
  const sizes = direction.map(Math.abs);
  const axis = sizes.indexOf(Math.max(...sizes));
  return DIRECTIONS[axis]?.[(direction[axis] ?? 0) > 0 ? 0 : 1] ?? "";
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, one, at) => sum + one * (b[at] ?? 0), 0);
}

function cross(a: number[], b: number[]): number[] {
  const [a0 = 0, a1 = 0, a2 = 0] = a;
  const [b0 = 0, b1 = 0, b2 = 0] = b;
  return [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0];
}
