/** The answer for a series from the answers of its slices: Python's model/series.py. */

import type { ImageAnswer, SeriesAnswer } from "@/lib/api/types";
import {
  BLANK,
  LEAST_PROBABILITY,
  MOST_SUSPICIOUS,
  NEIGHBOR_SHARE,
  NEIGHBORS,
  NOTICE,
  TUMOR_TYPES,
} from "@/local/constants.gen";
import { compareNaturally, rint } from "@/local/imaging/numeric";
import type { Identity } from "@/local/model/classify";
import { decide, type Rule } from "@/local/model/decision";
import type { Member } from "@/local/model/member";
import { splitVolumes, withoutRepeats } from "@/local/model/volumes";
import { UNKNOWN_SEQUENCE } from "@/local/model/recognition";

export interface SeriesContext {
  failed: number;
  rule: Rule;
  model: Identity;
  spread: number;
}

export function answerSeries(slices: Member[], context: SeriesContext): SeriesAnswer {
  const [distinct, notes] = withoutRepeats(slices);
  const volumes = splitVolumes(distinct);
  const answers = volumes.map((one) => aggregate(one.slices, context));
  const order = answers
    .map((one, at) => ({ one, at, tumor: one.probabilities?.tumor ?? -1 }))
    .toSorted((a, b) => b.tumor - a.tumor || a.at - b.at);
  const decides = order[0]?.one;
  if (!decides) throw new Error("A series has slices.");
  const shared = new Set([...distinct.flatMap((one) => one.answer.notes), ...notes]);
  if (volumes.length === 1) return { ...decides, notes: [...shared] };
  return {
    ...decides,
    source: sourceOf(slices),
    volumes: order.map(({ one, at }) => ({
      slices: one.slices,
      outcome: one.outcome,
      probability: one.probabilities?.tumor ?? null,
      traits: Object.fromEntries(volumes[at]?.traits ?? []),
    })),
    notes: [
      ...shared,
      `The series holds ${volumes.length} volumes; the one with the highest probability of a tumor decides.`,
    ],
  };
}

interface Answered {
  answer: ImageAnswer;
  tumor: number;
}

function aggregate(slices: Member[], { failed, rule, model, spread }: SeriesContext): SeriesAnswer {
  const ordered = slices.toSorted(compareMembers);
  const answered = ordered.flatMap(({ answer }): Answered[] =>
    answer.probabilities ? [{ answer, tumor: answer.probabilities.tumor }] : [],
  );
  const shared = {
    kind: "series" as const,
    source: sourceOf(slices),
    series_instance_uid: ordered[0]?.seriesUid ?? null,
    study_instance_uid: firstOf(ordered.map((one) => one.studyUid)),
    series_description: firstOf(ordered.map((one) => one.description)),
    operating_point: rule.point,
    sequence: sharedSequence(ordered),
    plane: mostFrequent(ordered.map((one) => one.answer.plane)),
    slices: ordered.length,
    failed_slices: failed,
    volumes: [],
    notes: [],
    model,
    notice: NOTICE,
  };
  if (answered.length === 0 || answered.length < unlike(ordered)) {
    const turnedAway = ordered.filter((one) => one.answer.outcome === "rejected");
    return {
      ...shared,
      outcome: "rejected",
      probabilities: null,
      type_probabilities: null,
      prediction_set: [],
      reasons: [...new Set(turnedAway.flatMap((one) => one.answer.reasons))],
      most_suspicious: [],
    };
  }
  const probability = peakProbability(
    answered.map((one) => one.tumor),
    spread,
  );
  const { outcome, set, reasons } = decide(rule, probability);
  return {
    ...shared,
    outcome,
    probabilities: { tumor: probability, no_tumor: 1 - probability },
    type_probabilities: meanTypes(answered),
    prediction_set: set,
    reasons,
    most_suspicious: mostSuspicious(answered),
  };
}

/** Slices that show something and were turned away. */
function unlike(slices: Member[]): number {
  return slices.filter(
    ({ answer }) => answer.outcome === "rejected" && answer.reasons.join() !== BLANK,
  ).length;
}

function peakProbability(probabilities: number[], spread: number): number {
  const logits = probabilities.map((one) => {
    const clipped = Math.min(1 - LEAST_PROBABILITY, Math.max(LEAST_PROBABILITY, one));
    return Math.log(clipped / (1 - clipped));
  });
  const share = rint(NEIGHBOR_SHARE * logits.length);
  const width = Math.min(Math.max(NEIGHBORS, share), logits.length);
  const means = logits.slice(0, logits.length - width + 1).map((_, start) => {
    const part = logits.slice(start, start + width);
    return part.reduce((sum, one) => sum + one / width, 0);
  });
  const excess = Math.sqrt(2 * Math.log(means.length));
  return 1 / (1 + Math.exp(spread * excess - Math.max(...means)));
}

function meanTypes(answered: Answered[]): SeriesAnswer["type_probabilities"] {
  const weights = answered.map((one) => Math.max(one.tumor, LEAST_PROBABILITY));
  const sum = weights.reduce((total, one) => total + one, 0);
  const named = TUMOR_TYPES.map((name) => {
    const weighed = answered.reduce(
      (total, { answer }, at) =>
        total + (answer.type_probabilities?.[name] ?? 0) * (weights[at] ?? 0),
      0,
    );
    return [name, weighed / sum] as const;
  });
  return Object.fromEntries(named) as NonNullable<SeriesAnswer["type_probabilities"]>;
}

function mostSuspicious(answered: Answered[]): SeriesAnswer["most_suspicious"] {
  return answered
    .toSorted((a, b) => b.tumor - a.tumor)
    .slice(0, MOST_SUSPICIOUS)
    .map(({ answer, tumor }) => ({
      source: answer.source,
      slice_index: answer.slice_index,
      sop_instance_uid: answer.sop_instance_uid,
      probability: tumor,
    }));
}

/** The sequence of most slices; of those that the header names, if it names any. */
function sharedSequence(slices: Member[]): SeriesAnswer["sequence"] {
  const named = slices.map((one) => one.answer.sequence).filter((one) => one.name !== null);
  const byHeader = named.filter((one) => one.from === "header");
  const said = byHeader.length > 0 ? byHeader : named;
  const name = mostFrequent(said.map((one) => one.name));
  const ofName = said.filter((one) => one.name === name);
  if (ofName.length === 0) return UNKNOWN_SEQUENCE;
  const shares = ofName.flatMap((one) => (one.probability === null ? [] : [one.probability]));
  const mean = shares.reduce((sum, one) => sum + one / shares.length, 0);
  return {
    name,
    probability: shares.length > 0 ? mean : null,
    from: ofName[0]?.from ?? null,
  };
}

/** The name that occurs most, the first of them. */
function mostFrequent<Name extends string>(names: (Name | null)[]): Name | null {
  const counts = new Map<Name, number>();
  for (const name of names) if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  return [...counts].find(([, count]) => count === most)?.[0] ?? null;
}

function compareMembers(a: Member, b: Member): number {
  return (
    (a.positionMm ?? 0) - (b.positionMm ?? 0) ||
    (a.answer.slice_index ?? 0) - (b.answer.slice_index ?? 0) ||
    numberOf(a) - numberOf(b) ||
    compareNaturally(a.answer.source, b.answer.source) ||
    compareNaturally(a.answer.sop_instance_uid ?? "", b.answer.sop_instance_uid ?? "")
  );
}

function numberOf({ member }: Member): number {
  return member?.number ?? 0;
}

function firstOf(names: (string | null)[]): string | null {
  return names.find(Boolean) ?? null;
}

/** The one source of all slices, or the folder that holds them. */
function sourceOf(slices: Member[]): string {
  return commonSource(slices.map((one) => one.answer.source));
}

/** The one name of all, or the folder that holds them. */
export function commonSource(names: string[]): string {
  const distinct = [...new Set(names)];
  const [first = "", ...others] = distinct;
  if (others.length === 0) return first;
  const parts = distinct.map((one) => one.split("/"));
  const shared: string[] = [];
  for (const [at, part] of (parts[0] ?? []).entries()) {
    if (!parts.every((one) => one[at] === part)) break;
    shared.push(part);
  }
  return shared.join("/") || ".";
}
