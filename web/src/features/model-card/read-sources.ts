import { isFields } from "@/domain/model-evaluation";

const WORDS = [
  "set",
  "title",
  "origin",
  "licence",
  "people",
  "labels",
  "use",
  "citation",
  "page",
] as const;

export type Source = Readonly<Record<(typeof WORDS)[number] | "wrong", string>> & {
  isConfirmed: boolean;
};

/** Read `card.sources`: a card for each dataset that the model learned from. */
export function readSources(card: Readonly<Record<string, unknown>>): Source[] {
  const { sources } = card;
  const cards = isFields(sources) ? Object.values(sources) : [];
  return cards.flatMap((one) => (isFields(one) ? [readSource(one)] : []));
}

function readSource(one: Readonly<Record<string, unknown>>): Source {
  const words = WORDS.map((name) => [name, wordsOf(one[name])] as const);
  const wrong = Array.isArray(one.wrong) ? one.wrong.map(wordsOf).join(" ") : "";
  return {
    ...(Object.fromEntries(words) as Record<(typeof WORDS)[number], string>),
    wrong,
    isConfirmed: one.is_confirmed === true,
  };
}

function wordsOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
