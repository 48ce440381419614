/** Which words say an outcome. */

import type { CaseAnswer } from "@/domain/case";
import type { Voice } from "@/domain/settings";
import type { MessageKey } from "@/messages/catalogue";

/**
 * The headline of an answer.
 *
 * @param marked Slices of the series that would be called a tumor if each stood alone.
 */
export function headlineOf(answer: CaseAnswer, voice: Voice, marked: number): MessageKey {
  if (voice === "reader") return `outcome.${answer.outcome}`;
  return isMixed(answer, marked) ? "headline.mixed" : `headline.${answer.outcome}`;
}

/** The sentence below the headline. */
export function sentenceOf(answer: CaseAnswer, voice: Voice, marked: number): MessageKey {
  return isMixed(answer, marked) ? `answer.mixed.${voice}` : `answer.${answer.outcome}.${voice}`;
}

/** The series is below the operating point, but slices of it are not. */
function isMixed(answer: CaseAnswer, marked: number): boolean {
  return answer.kind === "series" && answer.outcome === "no_tumor" && marked > 0;
}
