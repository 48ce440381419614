import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import type { MessageKey } from "@/messages/catalogue";
import { de } from "@/messages/de";
import { en } from "@/messages/en";
import { translate } from "@/messages/use-messages";

const KEYS = Object.keys(en) as MessageKey[];
/** Never said of anybody's scan, in any language. */
const FORBIDDEN = /normal|healthy|diagnos|confidence|severity|gesund|schweregrad|konfidenz/i;

function sources(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("messages/"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
}

const placeholders = (text: string) =>
  [...new Set([...text.matchAll(/\{(\w+)(?=[,}])/g)].map(([, name]) => name))].toSorted();

describe("the catalogues", () => {
  test.each(KEYS)("%s has the same placeholders in both languages", (key) => {
    const inEnglish = placeholders(en[key]);
    expect(placeholders(de[key])).toEqual(inEnglish);
  });

  test("never say what must not be said", () => {
    for (const key of KEYS) {
      expect(en[key]).not.toMatch(FORBIDDEN);
      expect(de[key]).not.toMatch(FORBIDDEN);
    }
  });

  test("hold nothing that nobody says", () => {
    const text = sources("src");
    const prefixes = [...text.matchAll(/`([\w.-]+\.)\$\{/g)].map(([, prefix]) => prefix ?? "");
    const middles = ["answer.", "problem.", "headline.", "outcome."];
    const unused = KEYS.filter(
      (key) =>
        !text.includes(`"${key}"`) &&
        ![...prefixes, ...middles].some((prefix) => key.startsWith(prefix)),
    );
    expect(unused).toEqual([]);
  });

  test("format numbers and plurals in their language", () => {
    expect(translate("en", "worklist.count", { count: 1 })).toBe("1 case");
    expect(translate("de", "worklist.count", { count: 1234 })).toBe("1.234 Fälle");
  });
});
