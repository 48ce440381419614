import type { ImageAnswer, SeriesAnswer } from "@/lib/api/types";

export type Outcome = ImageAnswer["outcome"];
export type TumorType = keyof NonNullable<ImageAnswer["type_probabilities"]>;
/** An answer that says something, in contrast to one that says why it cannot. */
export type Judgement = ImageAnswer | SeriesAnswer;

export const OUTCOMES: readonly Outcome[] = ["tumor", "no_tumor", "abstain", "rejected"];

/** A record, so that the compiler misses a type that is not listed. */
const LISTED: Record<TumorType, true> = { glioma: true, meningioma: true, pituitary: true };
export const TUMOR_TYPES = Object.keys(LISTED) as readonly TumorType[];
