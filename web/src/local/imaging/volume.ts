/** Volumes in any orientation, and slices cut from them: Python's formats/volume.py. */

import { LEAST_DETERMINANT, PLANE_BY_AXIS, SIDES, THICK } from "@/local/constants.gen";
import { range } from "@/local/imaging/numeric";
import { fillBackground, plainScan, ScanError, type Plane, type Scan } from "@/local/imaging/scan";

/** Columns are the steps along i, j and k towards right, anterior and superior. */
export type Steps = readonly (readonly [number, number, number])[];

type Triple = [number, number, number];

export interface Volume {
  /** Along i, j and k of the file; i varies fastest. */
  voxels: Float32Array;
  shape: Triple;
  /** `null` where the directions of the axes are unknown. */
  steps: Steps | null;
  sizes: readonly number[];
  notes: string[];
}

/** Where each canonical axis (right, anterior, superior) is found in the file. */
interface Turn {
  axis: Triple;
  isFlipped: [boolean, boolean, boolean];
}

export function isUsable(steps: Steps): boolean {
  if (!steps.flat().every(Number.isFinite)) return false;
  const lengths = lengthsOf(steps);
  if (Math.min(...lengths) <= 0 || Math.max(...lengths) > 1e6) return false;
  return Math.abs(determinant(scaled(steps, lengths))) >= LEAST_DETERMINANT;
}

/** Cut a volume in its own plane, from inferior, posterior or left upwards. */
export function toScans(volume: Volume, source: string): Scan[] {
  const voxels = fillBackground(volume.voxels);
  const [low, high] = range(voxels);
  if (low === high) {
    throw new ScanError(
      "image-content",
      `All voxels of the volume have the same value (${low}); there is no image to analyze.`,
    );
  }
  const turn: Turn = volume.steps
    ? closestTurn(volume.steps)
    : { axis: [0, 1, 2], isFlipped: [false, false, false] };
  const [spacing, hasSpacing] = spacingOf(volume, turn);
  const counts = turn.axis.map((one) => volume.shape[one] ?? 1) as Triple;
  const across = sliceAxis(counts, spacing);
  const plane: Plane = PLANE_BY_AXIS[across] ?? "axial";
  const [wide, tall] = [0, 1, 2].filter((one) => one !== across) as [number, number];
  const several = (counts[across] ?? 1) > 1;
  const isOriented = volume.steps !== null;
  return Array.from({ length: counts[across] ?? 1 }, (_, index) =>
    plainScan(cutSlice(voxels, volume.shape, turn, counts, { across, wide, tall, index }), source, {
      sliceIndex: several ? index : null,
      seriesUid: several ? source : null,
      positionMm: index * (spacing[across] ?? 1),
      spacingMm: hasSpacing ? [spacing[tall] ?? 1, spacing[wide] ?? 1] : null,
      plane: isOriented ? plane : null,
      sides: isOriented ? [...SIDES[plane]] : null,
      notes: volume.notes,
    }),
  );
}

function cutSlice(
  voxels: Float32Array,
  shape: Triple,
  turn: Turn,
  counts: Triple,
  { across, wide, tall, index }: { across: number; wide: number; tall: number; index: number },
) {
  const strides = [1, shape[0], shape[0] * shape[1]];
  const rows = counts[tall] ?? 1;
  const columns = counts[wide] ?? 1;
  // Along a canonical axis: where it starts in the file, and how far the next voxel is.
  const walk = (axis: number): [number, number] => {
    const stride = strides[turn.axis[axis] ?? 0] ?? 1;
    const last = ((counts[axis] ?? 1) - 1) * stride;
    return turn.isFlipped[axis] ? [last, -stride] : [0, stride];
  };
  const [startAcross, stepAcross] = walk(across);
  const [startWide, stepWide] = walk(wide);
  const [startTall, stepTall] = walk(tall);
  const origin = startAcross + index * stepAcross;
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    // Superior or anterior is up, the patient's right or anterior at the left.
    const line = origin + startTall + (rows - 1 - row) * stepTall;
    for (let column = 0; column < columns; column += 1) {
      const at = line + startWide + (columns - 1 - column) * stepWide;
      values[row * columns + column] = voxels[at] ?? 0;
    }
  }
  return { rows, columns, values };
}

function spacingOf({ steps, sizes }: Volume, turn: Turn): [Triple, boolean] {
  if (steps) {
    const lengths = lengthsOf(steps);
    return [turn.axis.map((one) => lengths[one] ?? 1) as Triple, true];
  }
  const known = sizes.slice(0, 3);
  const isKnown = known.length === 3 && known.every((one) => Number.isFinite(one) && one > 0);
  return isKnown ? [known as unknown as Triple, true] : [[1, 1, 1], false];
}

/** The axis with clearly the thickest voxels, or clearly the fewest; else that of axial slices. */
function sliceAxis(counts: Triple, spacing: Triple): number {
  const ratios = [spacing, counts.map((one) => 1 / one)];
  if (Math.min(...counts) === 1) ratios.reverse();
  for (const ratio of ratios) {
    const most = Math.max(...ratio);
    const axis = ratio.indexOf(most);
    const others = ratio.filter((_, at) => at !== axis);
    if (most >= THICK * Math.max(...others)) return axis;
  }
  return 2;
}

/**
 * Which axis of the file is closest to each canonical one, as nibabel's `io_orientation`: the
 * nearest rotation (by polar decomposition, here iterated) tells, the strongest first.
 */
function closestTurn(steps: Steps): Turn {
  let matrix = scaled(steps, lengthsOf(steps));
  for (let round = 0; round < 30; round += 1) {
    const opposite = inverseTransposed(matrix);
    matrix = matrix.map((column, at) =>
      column.map((value, row) => (value + (opposite[at]?.[row] ?? 0)) / 2),
    ) as Triple[];
  }
  const turn: Turn = { axis: [0, 1, 2], isFlipped: [false, false, false] };
  const openAxes = new Set([0, 1, 2]);
  const strength = (column: Triple) => Math.max(...column.map(Math.abs));
  const order = matrix
    .map((column, from) => ({ column, from }))
    .toSorted((a, b) => strength(b.column) - strength(a.column) || a.from - b.from);
  for (const { column, from } of order) {
    let best = -1;
    for (const axis of openAxes) {
      if (best < 0 || Math.abs(column[axis] ?? 0) > Math.abs(column[best] ?? 0)) best = axis;
    }
    openAxes.delete(best);
    turn.axis[best] = from;
    turn.isFlipped[best] = (column[best] ?? 0) < 0;
  }
  return turn;
}

function lengthsOf(steps: Steps): number[] {
  return steps.map((one) => Math.hypot(...one));
}

function scaled(steps: Steps, lengths: number[]): Triple[] {
  return steps.map((one, at) => one.map((value) => value / (lengths[at] ?? 1)) as Triple);
}

function cross(a: readonly number[], b: readonly number[]): Triple {
  const [a0 = 0, a1 = 0, a2 = 0] = a;
  const [b0 = 0, b1 = 0, b2 = 0] = b;
  return [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0];
}

function determinant([a = [0, 0, 0], b = [0, 0, 0], c = [0, 0, 0]]: Triple[]): number {
  return cross(a, b).reduce((sum, one, at) => sum + one * (c[at] ?? 0), 0);
}

function inverseTransposed(matrix: Triple[]): Triple[] {
  const [a = [1, 0, 0], b = [0, 1, 0], c = [0, 0, 1]] = matrix;
  const size = determinant(matrix);
  return [cross(b, c), cross(c, a), cross(a, b)].map(
    (column) => column.map((value) => value / size) as Triple,
  );
}
