import { TYPE } from "@formatjs/icu-messageformat-parser";
import { IntlMessageFormat } from "intl-messageformat";
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
    .filter((name) => /\.tsx?$/.test(name) && !/messages\/(en|de)\.ts$/.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n");
}

/** Names that a message takes; a message that is not well-formed throws here. */
function placeholders(text: string): string[] {
  const names = new Set<string>();
  const visit = (elements: ReturnType<IntlMessageFormat["getAst"]>) => {
    for (const element of elements) {
      if (!("value" in element) || element.type === TYPE.literal) continue;
      names.add(element.value);
      if ("options" in element)
        Object.values(element.options).forEach(({ value }) => {
          visit(value);
        });
    }
  };
  visit(new IntlMessageFormat(text, "en").getAst());
  return [...names].toSorted();
}

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
