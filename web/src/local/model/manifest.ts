/** What an artifact says of itself: the `manifest.json` of Python's model/artifact.py. */

import type { ModelFault } from "@/lib/problem";
import { CLASSES, FORMAT_VERSION, MAX_SIZE, MIN_SIDE, TUMOR_TYPES } from "@/local/constants.gen";
import { knowsPreprocessing, type Preprocessing } from "@/local/imaging/preprocess";

export interface Conformal {
  coverage: number;
  tumor: number;
  no_tumor: number;
}

export interface Manifest {
  format: string;
  format_version: number;
  model_id: string;
  model_version: string;
  labels: string[];
  tumor_types: string[];
  preprocessing: Preprocessing;
  calibration: {
    slope: number;
    intercept: number;
    type_temperature: number;
    series_spread: number;
  };
  operating_points: Record<string, number>;
  evidence_threshold: number;
  graph_sha256: string;
  conformal: Conformal | null;
  gate: { threshold: number } | null;
  /** Absent where the graph tells no sequences apart. */
  recognition?: { sequence: string[]; plane: string[] };
}

/** The model cannot be used; the message says why, and the page what to do. */
export class ModelError extends Error {
  readonly kind: ModelFault;

  constructor(kind: ModelFault, message: string) {
    super(message);
    this.name = "ModelError";
    this.kind = kind;
  }
}

/** Refuse what this version of the page does not know. */
export function checkManifest(manifest: Manifest): void {
  const { preprocessing } = manifest;
  const known =
    manifest.format === "tumorscope-artifact" &&
    manifest.format_version === FORMAT_VERSION &&
    manifest.labels.join() === CLASSES.join() &&
    manifest.tumor_types.join() === TUMOR_TYPES.join() &&
    knowsPreprocessing(preprocessing) &&
    preprocessing.size >= MIN_SIDE &&
    preprocessing.size <= MAX_SIZE;
  if (!known) throw new ModelError("broken", "The manifest is of a model that is not known here.");
}
