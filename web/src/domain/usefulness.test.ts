import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { readEvaluation } from "@/domain/model-evaluation";
import { countsOf, predictiveValues, PREVALENCES } from "@/domain/usefulness";

/** The published test report, whose predictive values Python computed. */
const REPORT: unknown = JSON.parse(
  readFileSync("../docs/results/test/metrics.json", { encoding: "utf8" }),
);
const EVALUATION = readEvaluation({ evaluation: REPORT });

describe("predictive values", () => {
  test.each(["balanced", "rule_in", "rule_out"])("of %s are those of the report", (point) => {
    const { sensitivity, specificity } = EVALUATION?.sections.operating_points?.[point] ?? {};
    if (!sensitivity || !specificity) throw new Error("The report has no such point.");
    for (const prevalence of PREVALENCES) {
      const name = `${point}, ${(prevalence * 100).toFixed(1)}%`;
      const wanted = EVALUATION?.sections.predictive_values?.[name];
      const found = predictiveValues(sensitivity, specificity, prevalence);
      for (const [key, one] of [
        ["ppv", found.ppv],
        ["npv", found.npv],
        ["false_alarms_per_tumor", found.falseAlarms],
      ] as const) {
        expect(one.estimate).toBeCloseTo(wanted?.[key]?.estimate ?? Number.NaN, 9);
        expect(one.low).toBeCloseTo(wanted?.[key]?.low ?? Number.NaN, 9);
        expect(one.high).toBeCloseTo(wanted?.[key]?.high ?? Number.NaN, 9);
      }
    }
  });

  test("as counts add up to the images", () => {
    const one = { estimate: 0.9, low: 0.8, high: 1 };
    const counts = countsOf(10_000, 0.005, { sensitivity: one, specificity: one });
    expect(counts).toEqual({ tumors: 50, hits: 45, missed: 5, alarms: 995 });
  });
});

test("the report has both decision curves", () => {
  const [own, assumed] = EVALUATION?.decisionCurves ?? [];
  expect(own?.points).toHaveLength(20);
  expect(own?.prevalence).toBeCloseTo((EVALUATION?.nTumor ?? 0) / (EVALUATION?.nImages ?? 1));
  expect(assumed?.prevalence).toBe(0.05);
  expect(assumed?.points[0]?.everyone).toBeCloseTo(0.05 - (0.95 * 0.01) / 0.99);
});
