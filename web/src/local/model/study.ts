/** The answer for a study from the answers of its series: Python's model/study.py. */

import type { SeriesAnswer, StudyAnswer } from "@/lib/api/types";
import { LEAST_OF_SERIES, NOTICE, OTHER_SEQUENCE, TUMOR_TYPES, WORTH } from "@/local/constants.gen";
import type { Identity } from "@/local/model/classify";
import { decide, type Rule } from "@/local/model/decision";
import { commonSource } from "@/local/model/series";

type Name = SeriesAnswer["sequence"]["name"];

const worthOf = new Map<Name, number>(WORTH);

/** An answer for each study of which several series were answered. */
export function answerStudies(series: SeriesAnswer[], rule: Rule, model: Identity): StudyAnswer[] {
  const uids = new Set(series.map((one) => one.study_instance_uid));
  uids.delete(null);
  return [...uids]
    .map((uid) => series.filter((one) => one.study_instance_uid === uid))
    .filter((members) => members.length > 1)
    .map((members) => answerStudy(members, rule, model));
}

/** The log odds are the mean of those of the series, weighted by what each sequence is worth. */
export function answerStudy(series: SeriesAnswer[], rule: Rule, model: Identity): StudyAnswer {
  const judged = series.map((one) => ({ one, reason: reasonAgainst(one) }));
  const skipped = judged.flatMap(({ one, reason }) =>
    reason === null ? [] : [{ ...nameOf(one), reason }],
  );
  const counted = judged.flatMap(({ one, reason }) => (reason === null ? [one] : []));
  const shared = {
    kind: "study" as const,
    source: commonSource(series.map((one) => one.source)),
    study_instance_uid: series[0]?.study_instance_uid ?? null,
    operating_point: rule.point,
    skipped,
    notes: [],
    model,
    notice: NOTICE,
  };
  if (counted.length === 0) {
    return {
      ...shared,
      outcome: "rejected",
      probabilities: null,
      type_probabilities: null,
      prediction_set: [],
      reasons: [...new Set(skipped.map((one) => one.reason))],
      series: [],
    };
  }
  const weights = weightsOf(counted);
  const probability = weightedProbability(counted, weights);
  const { outcome, set, reasons } = decide(rule, probability);
  return {
    ...shared,
    outcome,
    probabilities: { tumor: probability, no_tumor: 1 - probability },
    type_probabilities: meanTypes(counted, weights),
    prediction_set: set,
    reasons,
    series: told(counted, weights),
  };
}

/** Why a series does not count. */
function reasonAgainst({ probabilities, reasons, sequence }: SeriesAnswer): string | null {
  if (probabilities === null) return reasons.join(" ") || "The series was rejected.";
  return sequence.name === "other" ? OTHER_SEQUENCE : null;
}

/** Shares of the series; those of one sequence share its worth. */
function weightsOf(series: SeriesAnswer[]): number[] {
  const names = series.map((one) => one.sequence.name);
  const worth = names.map(
    (name) => (worthOf.get(name) ?? 0) / names.filter((one) => one === name).length,
  );
  const sum = worth.reduce((total, one) => total + one, 0);
  return worth.map((one) => one / sum);
}

function weightedProbability(series: SeriesAnswer[], weights: number[]): number {
  const logit = series.reduce((sum, one, at) => {
    const clipped = Math.min(1 - LEAST_OF_SERIES, Math.max(LEAST_OF_SERIES, tumorOf(one)));
    return sum + (weights[at] ?? 0) * Math.log(clipped / (1 - clipped));
  }, 0);
  return 1 / (1 + Math.exp(-logit));
}

function tumorOf({ probabilities }: SeriesAnswer): number {
  return probabilities?.tumor ?? 0;
}

/** The mean of the types, weighted by the probability of tumor, too. */
function meanTypes(series: SeriesAnswer[], weights: number[]): StudyAnswer["type_probabilities"] {
  const shares = series.map(
    (one, at) => Math.max(tumorOf(one), LEAST_OF_SERIES) * (weights[at] ?? 0),
  );
  const sum = shares.reduce((total, one) => total + one, 0);
  const named = TUMOR_TYPES.map((name) => {
    const weighed = series.reduce((total, one, at) => {
      const share = one.type_probabilities?.[name] ?? 1 / TUMOR_TYPES.length;
      return total + share * (shares[at] ?? 0);
    }, 0);
    return [name, weighed / sum] as const;
  });
  return Object.fromEntries(named) as NonNullable<StudyAnswer["type_probabilities"]>;
}

/** The series that count, the weightiest first. */
function told(series: SeriesAnswer[], weights: number[]): StudyAnswer["series"] {
  return series
    .map((one, at) => ({
      ...nameOf(one),
      sequence: one.sequence.name,
      probability: tumorOf(one),
      weight: weights[at] ?? 0,
    }))
    .toSorted((a, b) => b.weight - a.weight);
}

function nameOf({ source, series_instance_uid, series_description }: SeriesAnswer) {
  return { source, series_instance_uid, series_description };
}
