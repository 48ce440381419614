/** Which slices of a series belong together: Python's model/series_volumes.py. */

import {
  COUNTED,
  LEAST_ALIKE,
  MIXED_BY,
  ORDER,
  POSITION_DIGITS,
  SAME_DIRECTION,
} from "@/local/constants.gen";
import { compareNaturally } from "@/local/imaging/numeric";
import type { Member } from "@/local/model/member";

export interface SeriesVolume {
  slices: Member[];
  traits: [string, string][];
}

/** Keep the first of slices that came several times; the notes say what has to be told of it. */
export function withoutRepeats(slices: Member[]): [Member[], string[]] {
  const kept = new Map<string, Member>();
  const places = new Map<string, Set<string>>();
  const repeated = new Set<string>();
  const altered = new Set<string>();
  for (const one of slices) {
    const identity = identityOf(one);
    const first = kept.get(identity);
    if (first) {
      repeated.add(identity);
      if (first.member?.digest !== one.member?.digest) altered.add(identity);
      continue;
    }
    kept.set(identity, one);
    const uid = one.answer.sop_instance_uid;
    if (uid !== null && one.answer.slice_index === null) {
      places.set(uid, (places.get(uid) ?? new Set()).add(identity));
    }
  }
  const shared = [...places.values()].reduce((sum, one) => sum + (one.size > 1 ? one.size : 0), 0);
  return [[...kept.values()], notesOf(repeated.size, altered.size, shared)];
}

function notesOf(repeated: number, altered: number, shared: number): string[] {
  const notes: string[] = [];
  if (repeated > 1) notes.push(`${repeated} slices came more than once and count once.`);
  if (repeated === 1) notes.push("1 slice came more than once and counts once.");
  if (altered) notes.push(`${altered} of them came with other pixels; the first to come counts.`);
  if (shared) {
    notes.push(`${shared} slices at different places carry the same SOP Instance UID.`);
  }
  return notes;
}

function identityOf({ answer, member, positionMm }: Member): string {
  const { sop_instance_uid: uid, slice_index: index, source } = answer;
  if (!member) return JSON.stringify([source, index, uid, positionMm]);
  const place: unknown[] = [uid, index, member.orientation, rounded(positionMm)];
  if (uid === null || !member.isPlaced) place.push(member.digest);
  if (uid === null) place.push(member.number, member.traits);
  return JSON.stringify(place);
}

function rounded(position: number | null): number | null {
  return position === null ? null : Number(position.toFixed(POSITION_DIGITS));
}

/** Part the slices of a series into volumes, in the order of their first slices. */
export function splitVolumes(slices: Member[]): SeriesVolume[] {
  return parallelGroups(slices).flatMap((one) => parted(one, []));
}

type Normal = [number, number, number];

function parallelGroups(slices: Member[]): Member[][] {
  const groups: { normal: Normal | null; members: Member[] }[] = [];
  for (const one of slices) {
    const normal = normalOf(one.member?.orientation ?? null);
    const fitting = groups.find((group) =>
      group.normal && normal
        ? dot(group.normal, normal) >= SAME_DIRECTION
        : group.normal === normal,
    );
    if (fitting) fitting.members.push(one);
    else groups.push({ normal, members: [one] });
  }
  return groups.map((one) => one.members);
}

function normalOf(orientation: number[] | null): Normal | null {
  if (!orientation) return null;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = orientation;
  const normal: Normal = [b * f - c * e, c * d - a * f, a * e - b * d];
  const length = Math.hypot(...normal);
  return normal.map((one) => one / length) as Normal;
}

function dot(a: Normal, b: Normal): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function parted(slices: Member[], traits: [string, string][]): SeriesVolume[] {
  const depth = depthOf(slices);
  if (depth <= 1 && !isWithoutPlaces(slices)) return [{ slices, traits }];
  const best = bestTrait(slices, depth);
  if (hasNoTruePlace(slices, depth, best)) return [{ slices, traits }];
  if (best === null) return depth <= 1 ? [{ slices, traits }] : byOrder(slices, traits);
  return [...groupsOf(slices, best)].flatMap(([value, members]) =>
    parted(members, [...traits, [best, value]]),
  );
}

/** Whether all slices lie at one place and nothing says that they are images of it. */
function hasNoTruePlace(slices: Member[], depth: number, best: string | null): boolean {
  if (slices.length !== depth || depth < LEAST_ALIKE) return false;
  if (best === null) return true;
  const isCount = (COUNTED as readonly string[]).includes(best);
  return isCount && groupsOf(slices, best).size === slices.length;
}

/** How many slices lie at one place at most. */
function depthOf(slices: Member[]): number {
  const counts = new Map<number, number>();
  for (const { positionMm } of slices) {
    const place = rounded(positionMm);
    if (place !== null) counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return Math.max(1, ...counts.values());
}

/** Whether the order is all that is known, in which volumes may lie mixed. */
function isWithoutPlaces(slices: Member[]): boolean {
  const isLoose = ({ member, answer }: Member) =>
    member !== null && !member.isPlaced && answer.slice_index === null;
  return slices.length > 1 && slices.every(isLoose);
}

/** The trait that leaves the fewest slices at one place, the most telling first. */
function bestTrait(slices: Member[], depth: number): string | null {
  const keywords = new Set(slices.flatMap((one) => one.member?.traits.map(([key]) => key) ?? []));
  let best: string | null = null;
  let left = depth;
  for (const keyword of keywords) {
    const groups = [...groupsOf(slices, keyword).values()];
    if (groups.length < 2) continue;
    const size = groups[0]?.length ?? 0;
    if (depth <= 1) {
      const isEven = size > 1 && groups.every((one) => one.length === size);
      if (isEven && (MIXED_BY as readonly string[]).includes(keyword)) return keyword;
    } else if (groups.length <= depth) {
      const remaining = Math.max(...groups.map(depthOf));
      if (remaining < left) [best, left] = [keyword, remaining];
    }
  }
  return best;
}

function groupsOf(slices: Member[], keyword: string): Map<string, Member[]> {
  const groups = new Map<string, Member[]>();
  for (const one of slices) {
    const value = one.member?.traits.find(([key]) => key === keyword)?.[1] ?? "";
    const known = groups.get(value);
    if (known) known.push(one);
    else groups.set(value, [one]);
  }
  return groups;
}

/** The first slice of each place goes to the first volume, the second to the second, ... */
function byOrder(slices: Member[], traits: [string, string][]): SeriesVolume[] {
  const seen = new Map<number | null, number>();
  const groups = new Map<number, Member[]>();
  for (const one of slices.toSorted(compareArrival)) {
    const place = rounded(one.positionMm);
    const turn = (seen.get(place) ?? 0) + 1;
    seen.set(place, turn);
    groups.set(turn, [...(groups.get(turn) ?? []), one]);
  }
  return [...groups.entries()]
    .toSorted(([a], [b]) => a - b)
    .map(([turn, members]) => ({
      slices: members,
      traits: [...traits, [ORDER, String(turn)]],
    }));
}

function compareArrival(a: Member, b: Member): number {
  return (
    (a.member?.number ?? 0) - (b.member?.number ?? 0) ||
    (a.answer.slice_index ?? 0) - (b.answer.slice_index ?? 0) ||
    compareNaturally(a.answer.source, b.answer.source)
  );
}
