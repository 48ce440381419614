/** What the model card says of its tests; `card` is open, so every part is looked at before use. */

export interface Estimate {
  estimate: number;
  low: number;
  high: number;
  n_images: number;
  n_groups: number;
}

export type Interval = Pick<Estimate, "estimate" | "low" | "high">;

export type Metrics = Readonly<Record<string, Estimate>>;

export interface Evaluation {
  nImages: number;
  nTumor: number;
  nGroups: number;
  operatingPoint: string;
  /** Section, then row, then metric. */
  sections: Readonly<Record<string, Readonly<Record<string, Metrics>>>>;
  reliability: { score: number; observed: Estimate }[];
  /** Net benefit at the share of tumors of the images, and at an assumed one. */
  decisionCurves: DecisionCurve[];
  /** Images by truth (rows) and call (columns): tumor, no tumor. */
  confusion: number[][];
  /** Some images of each cell, in words that identify nobody. */
  examples: Example[];
}

export interface DecisionCurve {
  /** Share of tumors. */
  prevalence: number;
  isAssumed: boolean;
  points: { threshold: number; model: Interval; everyone: number }[];
}

export interface Example {
  truth: string;
  call: string;
  words: string;
  probability: number;
}

type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Read `card.evaluation`, the `metrics.json` of `tumorscope evaluate`; null where it is absent. */
export function readEvaluation(card: Fields): Evaluation | null {
  const found = card.evaluation;
  if (!isFields(found) || !isFields(found.sections)) return null;
  return {
    nImages: Number(found.n_images),
    nTumor: Number(found.n_tumor),
    nGroups: Number(found.n_groups),
    operatingPoint: String(found.operating_point),
    sections: mapFields(found.sections, (rows) => mapFields(rows, readMetrics)),
    reliability: asList(found.reliability).flatMap(readBin),
    decisionCurves: readCurves(found),
    confusion: asList(found.confusion).map((row) => asList(row).map(Number)),
    examples: asList(found.examples).flatMap(readExample),
  };
}

function readMetrics(value: unknown): Metrics {
  const entries = Object.entries(isFields(value) ? value : {});
  return Object.fromEntries(
    entries.flatMap(([name, one]) => (isEstimate(one) ? [[name, one] as const] : [])),
  );
}

function readBin(value: unknown): Evaluation["reliability"] {
  if (!isFields(value) || !isEstimate(value.observed)) return [];
  return [{ score: Number(value.mean_score), observed: value.observed }];
}

function readCurves(found: Fields): DecisionCurve[] {
  const assumed = isFields(found.clinic_curve) ? found.clinic_curve : {};
  const curves = [
    {
      prevalence: Number(found.n_tumor) / Number(found.n_images),
      isAssumed: false,
      points: asList(found.decision_curve).flatMap(readPoint),
    },
    {
      prevalence: Number(assumed.prevalence),
      isAssumed: true,
      points: asList(assumed.points).flatMap(readPoint),
    },
  ];
  return curves.filter(({ points }) => points.length > 0);
}

function readPoint(value: unknown): DecisionCurve["points"] {
  if (!isFields(value) || !isInterval(value.model)) return [];
  return [
    { threshold: Number(value.threshold), model: value.model, everyone: Number(value.everyone) },
  ];
}

function readExample(value: unknown): Example[] {
  if (!isFields(value)) return [];
  const { truth, call, set, sequence, plane, probability } = value;
  const known = [set, sequence, plane].filter(
    (one) => typeof one === "string" && one !== "unknown",
  );
  const words = known.join(", ");
  return [{ truth: String(truth), call: String(call), words, probability: Number(probability) }];
}

function isEstimate(value: unknown): value is Estimate {
  return isInterval(value);
}

function isInterval(value: unknown): value is Interval {
  return (
    isFields(value) &&
    [value.estimate, value.low, value.high].every((one) => typeof one === "number")
  );
}

function mapFields<T>(value: unknown, read: (one: unknown) => T): Record<string, T> {
  const entries = Object.entries(isFields(value) ? value : {});
  return Object.fromEntries(entries.map(([name, one]) => [name, read(one)]));
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
