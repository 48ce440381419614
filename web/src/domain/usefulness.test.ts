import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { readEvaluation, type Interval } from "@/domain/model-evaluation";
import { countsOf, predictiveValues, PREVALENCES } from "@/domain/usefulness";

/** The published test report, whose predictive values Python computed. */
const REPORT: unknown = JSON.parse(
  readFileSync("../docs/results/test/metrics.json", { encoding: "utf8" }),
);
const EVALUATION = readEvaluation({ evaluation: REPORT });

function expectClose(found: Interval, wanted: Interval | undefined): void {
  expect(found.estimate).toBeCloseTo(wanted?.estimate ?? Number.NaN, 9);
  expect(found.low).toBeCloseTo(wanted?.low ?? Number.NaN, 9);
  expect(found.high).toBeCloseTo(wanted?.high ?? Number.NaN, 9);
}

describe("predictive values", () => {
  test.each(["balanced", "rule_in", "rule_out"])("of %s are those of the report", (point) => {
    const { sensitivity, specificity } = EVALUATION?.sections.operating_points?.[point] ?? {};
    if (!sensitivity || !specificity) throw new Error("The report has no such point.");
    for (const prevalence of PREVALENCES) {
      const name = `${point}, ${(prevalence * 100).toFixed(1)}%`;
      const wanted = EVALUATION?.sections.predictive_values?.[name];
      if (!wanted) throw new Error(`The report has no values for ${name}.`);
      const found = predictiveValues(sensitivity, specificity, prevalence);
      expectClose(found.ppv, wanted.ppv);
      expectClose(found.npv, wanted.npv);
      expectClose(found.falseAlarms, wanted.false_alarms_per_tumor);
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
