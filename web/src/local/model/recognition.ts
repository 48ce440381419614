/** Sequence and plane, from the header first and then the pixels: Python's model/recognition.py. */

import type { ImageAnswer } from "@/lib/api/types";
import { ALIKE, CONTRADICTION, LEAST_RECOGNIZED } from "@/local/constants.gen";
import type { Plane, SequenceName } from "@/local/imaging/scan";

type Sequence = ImageAnswer["sequence"];

export const UNKNOWN_SEQUENCE: Sequence = { name: null, probability: null, from: null };

/** The sequence, and a note where the pixels contradict the header. */
export function recognizeSequence(
  header: SequenceName | null,
  logits: Float32Array | null,
  names: string[],
): [Sequence, string | null] {
  const shares = sharesOf(logits, names);
  const best = likeliest(shares);
  if (header !== null) {
    const probability = shares.find((one) => one.name === header)?.share ?? null;
    const sequence: Sequence = { name: header, probability, from: "header" };
    const isDoubted = best && !isLike(best.name, header) && best.share >= CONTRADICTION;
    if (!isDoubted) return [sequence, null];
    return [sequence, `The header says ${header}, but the image looks like ${best.name}.`];
  }
  if (!best || best.share < LEAST_RECOGNIZED) return [UNKNOWN_SEQUENCE, null];
  return [{ name: best.name as SequenceName, probability: best.share, from: "pixels" }, null];
}

export function recognizePlane(
  header: Plane | null,
  logits: Float32Array | null,
  names: string[],
): Plane | null {
  if (header !== null) return header;
  const best = likeliest(sharesOf(logits, names));
  return best && best.share >= LEAST_RECOGNIZED ? (best.name as Plane) : null;
}

/** Contrast that enhances nothing leaves no trace: here pixels do not contradict a header. */
function isLike(one: string, other: string): boolean {
  const alike: readonly string[] = ALIKE;
  return one === other || (alike.includes(one) && alike.includes(other));
}

interface Share {
  name: string;
  share: number;
}

function sharesOf(logits: Float32Array | null, names: string[]): Share[] {
  if (logits === null || names.length === 0) return [];
  const most = Math.max(...logits);
  const powers = Array.from(logits, (one) => Math.exp(one - most));
  const sum = powers.reduce((total, one) => total + one, 0);
  return names.map((name, at) => ({ name, share: (powers[at] ?? 0) / sum }));
}

/** The first of the greatest. */
function likeliest(shares: Share[]): Share | null {
  return shares.toSorted((a, b) => b.share - a.share)[0] ?? null;
}
