/** Made-up answers of the service, in the shapes of openapi.json. */

import type {
  ErrorAnswer,
  ImageAnswer,
  Job,
  SeriesAnswer,
  StudyAnswer,
  SliceView,
} from "@/lib/api/types";

export const NOTICE = "Research use only. Not a medical device.";
export const POINT = { name: "balanced", threshold: 0.5 };
export const MODEL = { id: "toy-model", version: "1.2.3", sha256: "ab".repeat(32) };

export function imageAnswer(part: Partial<ImageAnswer> = {}): ImageAnswer {
  const tumor = part.probabilities?.tumor ?? 0.91;
  return {
    kind: "image",
    source: "scan.png",
    slice_index: null,
    sop_instance_uid: null,
    series_instance_uid: null,
    study_instance_uid: null,
    outcome: "tumor",
    probabilities: { tumor, no_tumor: 1 - tumor },
    type_probabilities: { glioma: 0.7, meningioma: 0.2, pituitary: 0.1 },
    prediction_set: ["tumor"],
    reasons: [],
    operating_point: POINT,
    sequence: { name: "T1+C", probability: 0.98, from: "pixels" },
    plane: "axial",
    localization: { peak: [4, 5], box: [3, 4, 6, 7] },
    notes: [],
    model: MODEL,
    notice: NOTICE,
    ...part,
  };
}

export const quietAnswer = (part: Partial<ImageAnswer> = {}): ImageAnswer =>
  imageAnswer({
    outcome: "no_tumor",
    probabilities: { tumor: 0.04, no_tumor: 0.96 },
    prediction_set: ["no_tumor"],
    localization: null,
    ...part,
  });

export const abstainAnswer = (): ImageAnswer =>
  imageAnswer({
    outcome: "abstain",
    probabilities: { tumor: 0.48, no_tumor: 0.52 },
    prediction_set: ["tumor", "no_tumor"],
    reasons: ["The picture is unlike those the model learned from."],
    localization: null,
  });

export const rejectedAnswer = (): ImageAnswer =>
  imageAnswer({
    outcome: "rejected",
    probabilities: null,
    type_probabilities: null,
    prediction_set: [],
    reasons: ["The picture shows no brain."],
    localization: null,
  });

function shared() {
  const { outcome, probabilities, type_probabilities, prediction_set, reasons } = imageAnswer();
  const { operating_point, sequence, plane, model, notice } = imageAnswer();
  return {
    ...{ outcome, probabilities, type_probabilities, prediction_set, reasons },
    ...{ operating_point, sequence, plane, model, notice },
  };
}

export function seriesAnswer(part: Partial<SeriesAnswer> = {}): SeriesAnswer {
  return {
    ...shared(),
    kind: "series",
    source: "series",
    series_instance_uid: "1.2.3",
    study_instance_uid: null,
    series_description: null,
    slices: 5,
    failed_slices: 0,
    volumes: [],
    notes: [],
    most_suspicious: [],
    ...part,
  };
}

export function studyAnswer(part: Partial<StudyAnswer> = {}): StudyAnswer {
  const { outcome, probabilities, type_probabilities, prediction_set, reasons } = imageAnswer();
  const { operating_point, model, notice } = imageAnswer();
  return {
    ...{ outcome, probabilities, type_probabilities, prediction_set, reasons },
    ...{ operating_point, model, notice },
    kind: "study",
    source: "study",
    study_instance_uid: "1.9",
    series: [],
    skipped: [],
    notes: [],
    ...part,
  };
}

export function errorAnswer(source = "broken.dcm"): ErrorAnswer {
  return {
    kind: "error",
    source,
    slice_index: null,
    error: { type: "corrupt-image", title: "The file is damaged.", detail: "It ends too early." },
    notice: NOTICE,
  };
}

export function sliceView(part: Partial<SliceView> = {}): SliceView {
  const index = part.index ?? 0;
  return {
    index,
    series: null,
    rows: 16,
    columns: 16,
    spacing_mm: null,
    position_mm: null,
    plane: null,
    sides: null,
    study_instance_uid: null,
    series_description: null,
    value_range: [0, 4000],
    window: [100, 1100],
    image: `/api/v1/jobs/j1/slices/${index}/image`,
    evidence: `/api/v1/jobs/j1/slices/${index}/evidence`,
    ...part,
  };
}

export function job(part: Partial<Job> = {}): Job {
  const predictions = part.predictions ?? [];
  return {
    id: "j1",
    state: "finished",
    created: "2026-01-01T00:00:00.000+00:00",
    expires: null,
    operating_point: "balanced",
    hold: 3600,
    progress: { files: 1, files_done: 1, slices_done: predictions.length, failed: 0 },
    predictions,
    slices: [],
    next: predictions.length,
    notice: NOTICE,
    ...part,
  };
}

/** A finished job of one picture. */
export const imageJob = (answer: ImageAnswer = imageAnswer()): Job =>
  job({ predictions: [answer], slices: [sliceView()] });

/** A finished job of one series, whose probabilities are given from its first slice to its last. */
export function seriesJob(
  probabilities = [0.02, 0.1, 0.6, 0.95, 0.3],
  part: Partial<SeriesAnswer> = {},
): Job {
  const images = probabilities.map((tumor, index) =>
    imageAnswer({
      source: `series/${index}.dcm`,
      slice_index: 0,
      outcome: tumor >= 0.5 ? "tumor" : "no_tumor",
      probabilities: { tumor, no_tumor: 1 - tumor },
    }),
  );
  const views = images.map((_, index) =>
    sliceView({
      index,
      series: 0,
      position_mm: index * 5,
      plane: "axial",
      sides: ["R", "A"],
    }),
  );
  const series = seriesAnswer({ slices: images.length, ...part });
  return job({ predictions: [...images, series], slices: views });
}
