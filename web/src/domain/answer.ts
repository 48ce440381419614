import type { ImageAnswer, SeriesAnswer } from "@/lib/api/types";

export type Outcome = ImageAnswer["outcome"];
export type TumorType = keyof NonNullable<ImageAnswer["type_probabilities"]>;
/** An answer that says something, in contrast to one that says why it cannot. */
export type Judgement = ImageAnswer | SeriesAnswer;

export const OUTCOMES: readonly Outcome[] = ["tumor", "no_tumor", "abstain", "rejected"];
export const TUMOR_TYPES: readonly TumorType[] = ["glioma", "meningioma", "pituitary"];
