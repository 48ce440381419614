import { create } from "zustand";
import { persist } from "zustand/middleware";

export type Language = "en" | "de";
export type Theme = "system" | "light" | "dark";
/** Two voices of explanation: terms and numbers, or short sentences. */
export type Voice = "reader" | "plain";

interface Settings {
  language: Language;
  theme: Theme;
  voice: Voice;
  /** Hide what the model says until the reader has answered. */
  blind: boolean;
  /** Name of the threshold for new uploads; empty for the model's own. */
  operatingPoint: string;
  change: (part: Partial<Omit<Settings, "change">>) => void;
}

function preferredLanguage(): Language {
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}

/** Preferences only: nothing of a scan or an answer is ever stored in the browser. */
export const useSettings = create<Settings>()(
  persist(
    (set) => ({
      language: preferredLanguage(),
      theme: "system",
      voice: "plain",
      blind: false,
      operatingPoint: "",
      change: (part) => {
        set(part);
      },
    }),
    { name: "tumorscope-settings" },
  ),
);
