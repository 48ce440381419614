import type { Catalogue } from "@/messages/catalogue";

export const de: Catalogue = {
  notice: "Nur für die Forschung. Kein Medizinprodukt.",
};
