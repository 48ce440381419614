/** The names under which the rest of the page knows the shapes of openapi.json. */

export type Outcome = "tumor" | "no_tumor" | "abstain" | "rejected";
export type TumorType = "glioma" | "meningioma" | "pituitary";


export interface ModelIdentity {
  id: string;
  version: string;
  sha256: string;
}

interface Judgement {
  source: string;
  outcome: Outcome;
  probabilities: { tumor: number; no_tumor: number } | null;
  type_probabilities: Record<TumorType, number> | null;
  prediction_set: string[];
  reasons: string[];
  model: ModelIdentity;
  notice: string;
}

export interface Localization {
  /** (row, column) in pixels of the image as read. */
  peak: [number, number];
  /** (row0, column0, row1, column1), the last row and column inside. */
  box: [number, number, number, number];
}

export interface ImageAnswer extends Judgement {
  kind: "image";
  slice_index: number | null;
  sop_instance_uid: string | null;
  localization: Localization | null;
}

export interface SeriesAnswer extends Judgement {
  kind: "series";
  series_instance_uid: string | null;
  slices: number;
  failed_slices: number;
}

export interface ErrorAnswer {
  kind: "error";
  source: string;
  slice_index?: number | null;
  error: { type: string; title: string; detail: string };
}

export type Answer = ImageAnswer | SeriesAnswer | ErrorAnswer;
export interface SliceView {
  index: number;
  series: number | null;
  rows: number;
  columns: number;
  spacing_mm: number[] | null;
  position_mm: number | null;
  plane: "axial" | "coronal" | "sagittal" | null;
  sides: string[] | null;
  value_range: number[];
  window: number[];
  image: string | null;
  evidence: string | null;
}

export interface Job {
  id: string;
  state: "queued" | "running" | "finished";
  operating_point: string;
  progress: { files: number | null; files_done: number; slices_done: number; failed: number };
  predictions: Answer[];
  slices: SliceView[];
  next: number;
}
