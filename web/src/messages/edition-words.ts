import type { Language } from "@/domain/settings";
import type { Catalogue } from "@/messages/catalogue";

/** Words that this edition of the page says otherwise: the static one has its own in local/ui. */
export const editionWords: Record<Language, Partial<Catalogue>> = { en: {}, de: {} };
