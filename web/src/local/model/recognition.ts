/** Sequence and plane from the pixels: Python's model/recognition.py without the header. */

import type { ImageAnswer } from "@/lib/api/types";
import { LEAST_RECOGNIZED } from "@/local/constants.gen";

type Sequence = ImageAnswer["sequence"];
type Plane = ImageAnswer["plane"];

export const UNKNOWN_SEQUENCE: Sequence = { name: null, probability: null, from: null };

export function recognizeSequence(logits: Float32Array | null, names: string[]): Sequence {
  const found = likeliest(logits, names);
  if (found === null) return UNKNOWN_SEQUENCE;
  return {
    name: found.name as Sequence["name"],
    probability: found.probability,
    from: "pixels",
  };
}

export function recognizePlane(logits: Float32Array | null, names: string[]): Plane {
  return (likeliest(logits, names)?.name ?? null) as Plane;
}

/** The likeliest name, where it is likely enough. */
function likeliest(logits: Float32Array | null, names: string[]) {
  if (logits === null || names.length === 0) return null;
  const most = Math.max(...logits);
  const shares = Array.from(logits, (one) => Math.exp(one - most));
  const sum = shares.reduce((total, one) => total + one, 0);
  const at = shares.indexOf(Math.max(...shares));
  const [name, probability] = [names[at], (shares[at] ?? 0) / sum];
  return name === undefined || probability < LEAST_RECOGNIZED ? null : { name, probability };
}
