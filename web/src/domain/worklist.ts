/** Which cases a worklist shows, and in which order. */

import type { Outcome } from "@/domain/answer";
import { answerOf, isHidden, titleOf, type Case } from "@/domain/case";

export type Filter = Outcome | "all" | "unread";
export type SortColumn = "name" | "outcome" | "probability" | "slices" | "added";

export interface WorklistView {
  filter: Filter;
  search: string;
  column: SortColumn;
  isDescending: boolean;
  blind: boolean;
}

/** The cases to show, in order; those of one study stay together, at the place of the first. */
export function arrange(cases: Iterable<Case>, view: WorklistView): Case[] {
  const wanted = view.search.trim().toLowerCase();
  const shown = [...cases].filter((one) => passes(one, view) && wordsOf(one).includes(wanted));
  const sign = view.isDescending ? -1 : 1;
  const sorted = shown.sort((a, b) => sign * compare(a, b, view) || a.addedAt - b.addedAt);
  return byStudy(sorted).flatMap(({ cases }) => cases);
}

export interface StudyGroup {
  /** Null for a case that stands alone. */
  study: string | null;
  cases: Case[];
}

/** Gather the cases of each study, in the order of their first. */
export function byStudy(cases: readonly Case[]): StudyGroup[] {
  const groups = new Map<string, Case[]>();
  for (const one of cases) {
    const key = one.study ?? `alone-${one.id}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((members) => ({
    study: members.length > 1 ? (members[0]?.study ?? null) : null,
    cases: members,
  }));
}

function wordsOf(one: Case): string {
  return `${one.name} ${one.description ?? ""}`.toLowerCase();
}

function passes(one: Case, { filter, blind }: WorklistView): boolean {
  if (filter === "all") return true;
  if (filter === "unread") return one.feedback.reading === null && one.feedback.verdict === null;
  return !isHidden(one, blind) && answerOf(one)?.outcome === filter;
}

function compare(a: Case, b: Case, { column, blind }: WorklistView): number {
  switch (column) {
    case "name":
      return titleOf(a).localeCompare(titleOf(b), undefined, { numeric: true });
    case "slices":
      return a.slices.length - b.slices.length;
    case "added":
      return a.addedAt - b.addedAt;
    case "outcome":
      return rank(a, blind) - rank(b, blind);
    case "probability":
      return shownProbability(a, blind) - shownProbability(b, blind);
  }
}

const RANKS: Record<Outcome, number> = { tumor: 0, abstain: 1, no_tumor: 2, rejected: 3 };

/** What is hidden must not show through the order either. */
function rank(one: Case, blind: boolean): number {
  const answer = isHidden(one, blind) ? null : answerOf(one);
  return answer ? RANKS[answer.outcome] : 4;
}

function shownProbability(one: Case, blind: boolean): number {
  if (isHidden(one, blind)) return -1;
  return answerOf(one)?.probabilities?.tumor ?? -1;
}
