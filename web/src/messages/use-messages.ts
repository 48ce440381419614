import { IntlMessageFormat } from "intl-messageformat";
import { useCallback } from "react";

import { useSettings, type Language } from "@/domain/settings";
import type { Catalogue, MessageKey } from "@/messages/catalogue";
import { de } from "@/messages/de";
import { editionWords } from "@/messages/edition-words";
import { en } from "@/messages/en";

export type MessageValues = Record<string, string | number>;
export type Translate = (key: MessageKey, values?: MessageValues) => string;

const CATALOGUES: Record<Language, Catalogue> = { en, de };
const formats = new Map<string, IntlMessageFormat>();

export function translate(language: Language, key: MessageKey, values?: MessageValues): string {
  const text = editionWords[language][key] ?? CATALOGUES[language][key];
  if (!text.includes("{")) return text;
  const id = `${language}:${key}`;
  const format = formats.get(id) ?? new IntlMessageFormat(text, language);
  formats.set(id, format);
  return String(format.format(values));
}

/** Words in the language that the reader chose. */
export function useMessages(): Translate {
  const language = useSettings((settings) => settings.language);
  return useCallback((key, values) => translate(language, key, values), [language]);
}
