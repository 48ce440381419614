/** One slice in, one answer out: Python's `Classifier.predict_scan`. */

import type { ErrorAnswer, ImageAnswer } from "@/lib/api/types";
import {
  ANSWERED_MODALITIES,
  ERROR_TITLES,
  FOREIGN_BODY_PARTS,
  MAX_LOGIT,
  NOTICE,
  REJECTION,
} from "@/local/constants.gen";
import { sigmoid } from "@/local/imaging/numeric";
import { makeCanvas, type CanvasGeometry } from "@/local/imaging/preprocess";
import { blankReason, ScanError, seriesInstanceUid, type Scan } from "@/local/imaging/scan";
import { decide, type Rule } from "@/local/model/decision";
import { localize, type Evidence } from "@/local/model/evidence";
import type { Manifest } from "@/local/model/manifest";
import { recognizePlane, recognizeSequence } from "@/local/model/recognition";

export type Identity = ImageAnswer["model"];

/** What the network says of one canvas. */
export interface Outputs {
  tumor: number;
  evidence: Evidence;
  types: Float32Array;
  /** `null` where the artifact has no input check. */
  novelty: number | null;
  /** Logits; `null` where the artifact recognizes none. */
  sequence: Float32Array | null;
  plane: Float32Array | null;
}

export interface Model {
  manifest: Manifest;
  identity: Identity;
  run: (canvas: Uint8Array) => Promise<Outputs>;
}

/** An answer with what a viewer and the series need, too. */
export interface SliceResult {
  answer: ImageAnswer;
  evidence: Evidence | null;
  geometry: CanvasGeometry | null;
}

export async function classify(model: Model, rule: Rule, scan: Scan): Promise<SliceResult> {
  const unseen = blankReason(scan) ?? foreignHeader(scan.modality, scan.bodyPart);
  if (unseen !== null) return rejected(model, rule, scan, unseen);
  const { manifest } = model;
  const { bytes, geometry } = makeCanvas(manifest.preprocessing, scan.pixels, scan.spacingMm);
  const found = await model.run(bytes);
  if (manifest.gate && !(found.novelty !== null && found.novelty <= manifest.gate.threshold)) {
    return rejected(model, rule, scan, REJECTION);
  }
  const { slope, intercept } = manifest.calibration;
  const probability = sigmoid(slope * found.tumor + intercept, MAX_LOGIT);
  const { outcome, set, reasons } = decide(rule, probability);
  const known = manifest.recognition ?? { sequence: [], plane: [] };
  const [sequence, note] = recognizeSequence(scan.sequence, found.sequence, known.sequence);
  const answer: ImageAnswer = {
    ...frame(model, rule, scan),
    sequence,
    plane: recognizePlane(scan.plane, found.plane, known.plane),
    notes: note === null ? scan.notes : [...scan.notes, note],
    outcome,
    probabilities: { tumor: probability, no_tumor: 1 - probability },
    type_probabilities: typesOf(found.types, manifest),
    prediction_set: set,
    reasons,
    localization:
      outcome === "tumor"
        ? localize(
            found.evidence,
            geometry,
            manifest.preprocessing.size,
            manifest.evidence_threshold,
          )
        : null,
  };
  return { answer, evidence: found.evidence, geometry };
}

/** Why a picture with this DICOM header is turned away, or `null`. */
function foreignHeader(modality: string | null, bodyPart: string | null): string | null {
  if (modality && !(ANSWERED_MODALITIES as readonly string[]).includes(modality)) {
    return `The DICOM header gives the modality ${modality}; only MR images are classified.`;
  }
  const term = (bodyPart ?? "").replace(/\P{L}/gu, "");
  if ((FOREIGN_BODY_PARTS as readonly string[]).includes(term)) {
    return `The DICOM header gives the body part ${term}; only the brain is classified.`;
  }
  return null;
}

function rejected(model: Model, rule: Rule, scan: Scan, reason: string): SliceResult {
  const answer: ImageAnswer = {
    ...frame(model, rule, scan),
    outcome: "rejected",
    probabilities: null,
    type_probabilities: null,
    prediction_set: [],
    reasons: [reason],
    localization: null,
  };
  return { answer, evidence: null, geometry: null };
}

function frame(model: Model, rule: Rule, scan: Scan) {
  return {
    kind: "image" as const,
    source: scan.source,
    slice_index: scan.sliceIndex,
    sop_instance_uid: scan.sopInstanceUid,
    series_instance_uid: seriesInstanceUid(scan),
    study_instance_uid: scan.studyUid,
    operating_point: rule.point,
    sequence: recognizeSequence(scan.sequence, null, [])[0],
    plane: scan.plane,
    notes: scan.notes,
    model: model.identity,
    notice: NOTICE,
  };
}

function typesOf(
  logits: Float32Array,
  { calibration, tumor_types }: Manifest,
): ImageAnswer["type_probabilities"] {
  const scaled = Array.from(logits, (one) => one / calibration.type_temperature);
  const most = Math.max(...scaled);
  const shares = scaled.map((one) => Math.exp(one - most));
  const sum = shares.reduce((total, one) => total + one, 0);
  const named = tumor_types.map((name, at) => [name, (shares[at] ?? 0) / sum] as const);
  return Object.fromEntries(named) as NonNullable<ImageAnswer["type_probabilities"]>;
}

/** The answer for an input that could not be read or answered. */
export function failure(
  source: string,
  error: unknown,
  sliceIndex: number | null = null,
): ErrorAnswer {
  const known = error instanceof ScanError ? error : unforeseen(error);
  return {
    kind: "error",
    source,
    slice_index: sliceIndex,
    error: { type: known.type, title: ERROR_TITLES[known.type], detail: known.message },
    notice: NOTICE,
  };
}

function unforeseen(error: unknown): ScanError {
  // What browsers throw where no buffer of the wanted size can be had.
  if (error instanceof RangeError && /alloc|memory/i.test(error.message)) {
    return new ScanError(
      "image-too-large",
      "The browser has not enough memory left to read the file. Close other tabs, or read it with the installed tumorscope.",
    );
  }
  return new ScanError(
    "corrupt-image",
    "The file could not be processed; it is damaged or of an unusual kind.",
  );
}
