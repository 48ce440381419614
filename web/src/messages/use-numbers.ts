import { useMemo } from "react";

import { useSettings, type Language } from "@/domain/settings";

/**
 * Nothing is reported as certain: what would round to 0 or 1 is written as beyond the last step.
 * The space does not break, so that a sign never stands on another line than its number.
 */
function short(format: Intl.NumberFormat, step: number) {
  return (value: number) => {
    if (value < step / 2) return `<\u00a0${format.format(step)}`;
    if (value > 1 - step / 2) return `>\u00a0${format.format(1 - step)}`;
    return format.format(value);
  };
}

function decimals(language: Language, digits: number): Intl.NumberFormat {
  return new Intl.NumberFormat(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Writes probabilities as readers do. */
export function probabilityWords(language: Language): (value: number) => string {
  return short(decimals(language, 3), 0.001);
}

/** An estimate with its interval, which stays on one line. */
function intervalWords(format: Intl.NumberFormat) {
  return ({ estimate, low, high }: { estimate: number; low: number; high: number }) =>
    `${format.format(estimate)}\u00a0(${format.format(low)}–\u2060${format.format(high)})`;
}

/** Numbers as the reader's language writes them. */
export function useNumbers() {
  const language = useSettings((settings) => settings.language);
  return useMemo(() => {
    const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
    const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
    const two = decimals(language, 2);
    const three = decimals(language, 3);
    const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    const compact = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
    return {
      percent: (value: number) => percent.format(value),
      /** A share of tumors, which may be below one in a hundred. */
      share: (value: number) => share.format(value),
      two: (value: number) => two.format(value),
      /** A probability in plain language. */
      chance: short(percent, 0.01),
      /** A probability, as readers write it. */
      probability: probabilityWords(language),
      interval: intervalWords(two),
      three: (value: number) => three.format(value),
      plain: (value: number) => plain.format(value),
      compact: (value: number) => compact.format(value),
    };
  }, [language]);
}
