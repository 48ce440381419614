/** Why a series and one of its slices can be answered differently, and both be right. */

import type { ImageAnswer, SeriesAnswer } from "@/lib/api/types";

/**
 * - `alone`: the slice stands out, but the slices beside it do not bear it out.
 * - `elsewhere`: the series is answered by slices that lie elsewhere in it.
 * - `foreign`: most of the series does not show a brain.
 * - `other`: any other difference.
 */
export type Disagreement = "alone" | "elsewhere" | "foreign" | "other";

export function disagreement(series: SeriesAnswer, slice: ImageAnswer): Disagreement | null {
  if (series.outcome === slice.outcome) return null;
  if (series.outcome === "rejected") return "foreign";
  if (series.outcome === "tumor") return "elsewhere";
  return slice.outcome === "tumor" ? "alone" : "other";
}
