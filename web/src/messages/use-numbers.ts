import { useMemo } from "react";

import { useSettings } from "@/domain/settings";

/** Nothing is told as certain: what would round to 0 or 1 is written as beyond the last step. */
function short(format: Intl.NumberFormat, step: number) {
  return (value: number) => {
    if (value < step / 2) return `< ${format.format(step)}`;
    if (value > 1 - step / 2) return `> ${format.format(1 - step)}`;
    return format.format(value);
  };
}

/** Numbers as the reader's language writes them. */
export function useNumbers() {
  const language = useSettings((settings) => settings.language);
  return useMemo(() => {
    const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
    const two = new Intl.NumberFormat(language, {
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
    });
    const three = new Intl.NumberFormat(language, {
      minimumFractionDigits: 3,
      maximumFractionDigits: 3,
    });
    const plain = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    const compact = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
    return {
      percent: (value: number) => percent.format(value),
      two: (value: number) => two.format(value),
      /** A probability in plain language. */
      chance: short(percent, 0.01),
      /** A probability, as readers write it. */
      probability: short(three, 0.001),
      three: (value: number) => three.format(value),
      plain: (value: number) => plain.format(value),
      compact: (value: number) => compact.format(value),
    };
  }, [language]);
}
