import { readEvaluation, type Estimate } from "@/domain/model-evaluation";
import type { ModelCard } from "@/lib/api/types";

export interface OperatingPoint {
  name: string;
  /** Tumor probability from which the outcome is `tumor`. */
  threshold: number;
  /** On the test split, where the card tells. */
  measured: { sensitivity: Estimate; specificity: Estimate } | null;
}

/** What decided an answer, by its own words; the card only adds what was measured there. */
export function decidedAt(
  model: ModelCard | undefined,
  { name, threshold }: { name: string; threshold: number },
): OperatingPoint {
  const known = model ? operatingPoint(model, name) : null;
  return { name, threshold, measured: known?.threshold === threshold ? known.measured : null };
}

/** Look an operating point up; an empty name stands for the model's own. */
export function operatingPoint(model: ModelCard, name: string): OperatingPoint | null {
  const known = name || model.default_operating_point;
  const threshold = model.operating_points[known];
  if (threshold === undefined) return null;
  const row = readEvaluation(model.card)?.sections.operating_points?.[known];
  const { sensitivity, specificity } = row ?? {};
  const measured = sensitivity && specificity ? { sensitivity, specificity } : null;
  return { name: known, threshold, measured };
}
