/** From a probability to an outcome: Python's `DecisionRule` and `Conformal`. */

import type { ImageAnswer } from "@/lib/api/types";
import { CLASSES, NEUTRAL } from "@/local/constants.gen";
import type { Conformal, Manifest } from "@/local/model/manifest";

type ClassName = ImageAnswer["prediction_set"][number];
type Point = ImageAnswer["operating_point"];

export interface Decision {
  outcome: ImageAnswer["outcome"];
  set: ClassName[];
  reasons: string[];
}

export interface Rule {
  point: Point;
  conformal: Conformal | null;
}

/** The rule at an operating point; an empty name stands for the neutral one. */
export function ruleAt(manifest: Manifest, name: string): Rule | null {
  const known = name || NEUTRAL;
  const threshold = manifest.operating_points[known];
  if (threshold === undefined) return null;
  return { point: { name: known, threshold }, conformal: manifest.conformal };
}

export function decide({ point, conformal }: Rule, probability: number): Decision {
  const called: ClassName = probability >= point.threshold ? "tumor" : "no_tumor";
  if (!conformal) return { outcome: called, set: [called], reasons: [] };
  const set = plausible(conformal, probability);
  let doubt = doubtOf(conformal, set);
  if (doubt === null && point.name === NEUTRAL && !set.includes(called)) {
    doubt = contradiction(called, conformal, point.threshold);
  }
  return doubt === null
    ? { outcome: called, set, reasons: [] }
    : { outcome: "abstain", set, reasons: [doubt] };
}

function plausible(conformal: Conformal, probability: number): ClassName[] {
  return CLASSES.filter((name) =>
    name === "tumor" ? probability >= conformal.tumor : 1 - probability >= conformal.no_tumor,
  );
}

function doubtOf({ coverage }: Conformal, set: ClassName[]): string | null {
  if (set.length === 1) return null;
  return set.length > 1
    ? `Tumor and no tumor are both plausible at ${percent(coverage)} coverage.`
    : `Neither is plausible at ${percent(coverage)} coverage: the probability lies between those of the calibration scans with and without tumor.`;
}

function contradiction(called: ClassName, { coverage }: Conformal, threshold: number): string {
  const [only, side] = called === "tumor" ? ["No tumor", "reaches"] : ["Tumor", "lies below"];
  return `${only} alone is plausible at ${percent(coverage)} coverage, but the probability ${side} the threshold of ${threshold.toFixed(2)}.`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`;
}
