/** What an answer means at a share of tumors: `tumorscope/evaluation/usefulness.py` in the page. */

import type { Interval } from "@/domain/model-evaluation";

/** From screening to a clinic for brain tumors. */
export const PREVALENCES = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5] as const;

export interface Meaning {
  /** Share of tumors among the reported images. */
  ppv: Interval;
  /** Share of tumor-free images among the others. */
  npv: Interval;
  falseAlarms: Interval;
}

type Formula = (sensitivity: number, specificity: number, prevalence: number) => number;

const ppv: Formula = (sensitivity, specificity, prevalence) => {
  const hits = sensitivity * prevalence;
  return hits / (hits + (1 - specificity) * (1 - prevalence));
};

const npv: Formula = (sensitivity, specificity, prevalence) => {
  const right = specificity * (1 - prevalence);
  return right / (right + (1 - sensitivity) * prevalence);
};

const falseAlarms: Formula = (sensitivity, specificity, prevalence) =>
  ((1 - specificity) * (1 - prevalence)) / (sensitivity * prevalence);

/** Each is monotone in both, so the ends of its interval are taken from the ends of theirs. */
export function predictiveValues(
  sensitivity: Interval,
  specificity: Interval,
  prevalence: number,
): Meaning {
  const at = (formula: Formula): Interval => {
    const ends = [sensitivity.low, sensitivity.high].flatMap((ofTumors) =>
      [specificity.low, specificity.high].map((ofOthers) =>
        formula(ofTumors, ofOthers, prevalence),
      ),
    );
    const estimate = formula(sensitivity.estimate, specificity.estimate, prevalence);
    return { estimate, low: Math.min(...ends), high: Math.max(...ends) };
  };
  return { ppv: at(ppv), npv: at(npv), falseAlarms: at(falseAlarms) };
}

export interface Counts {
  tumors: number;
  hits: number;
  missed: number;
  alarms: number;
}

/** The same as numbers of images, which people understand better than shares. */
export function countsOf(
  images: number,
  prevalence: number,
  { sensitivity, specificity }: { sensitivity: Interval; specificity: Interval },
): Counts {
  const tumors = Math.round(images * prevalence);
  const hits = Math.round(tumors * sensitivity.estimate);
  const alarms = Math.round((images - tumors) * (1 - specificity.estimate));
  return { tumors, hits, missed: tumors - hits, alarms };
}
