/** What the model card says of its tests; `card` is open, so every part is looked at before use. */

export interface Estimate {
  estimate: number;
  low: number;
  high: number;
  n_images: number;
  n_groups: number;
}

export type Metrics = Readonly<Record<string, Estimate>>;

export interface Evaluation {
  nImages: number;
  nGroups: number;
  operatingPoint: string;
  /** Section, then row, then metric. */
  sections: Readonly<Record<string, Readonly<Record<string, Metrics>>>>;
  reliability: { score: number; observed: Estimate }[];
  /** Images by truth (rows) and call (columns): tumor, no tumor. */
  confusion: number[][];
  /** Some images of each cell, in words that identify nobody. */
  examples: Example[];
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
    nGroups: Number(found.n_groups),
    operatingPoint: String(found.operating_point),
    sections: mapFields(found.sections, (rows) => mapFields(rows, readMetrics)),
    reliability: asList(found.reliability).flatMap(readBin),
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
