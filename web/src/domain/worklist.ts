/** Which cases a worklist shows, and in which order. */

import type { Outcome } from "@/domain/answer";
import { answerOf, isHidden, type Case } from "@/domain/case";

export type Filter = Outcome | "all" | "unread";
export type SortColumn = "name" | "outcome" | "probability" | "slices" | "added";

export interface WorklistView {
  filter: Filter;
  search: string;
  column: SortColumn;
  isDescending: boolean;
  blind: boolean;
}

export function arrange(cases: Iterable<Case>, view: WorklistView): Case[] {
  const wanted = view.search.trim().toLowerCase();
  const shown = [...cases].filter(
    (one) => passes(one, view) && one.name.toLowerCase().includes(wanted),
  );
  const sign = view.isDescending ? -1 : 1;
  return shown.sort((a, b) => sign * compare(a, b, view) || a.addedAt - b.addedAt);
}

function passes(one: Case, { filter, blind }: WorklistView): boolean {
  if (filter === "all") return true;
  if (filter === "unread") return one.feedback.reading === null && one.feedback.verdict === null;
  return !isHidden(one, blind) && answerOf(one)?.outcome === filter;
}

function compare(a: Case, b: Case, { column, blind }: WorklistView): number {
  switch (column) {
    case "name":
      return a.name.localeCompare(b.name, undefined, { numeric: true });
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
