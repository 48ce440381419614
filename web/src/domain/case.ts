import type { ErrorAnswer, ImageAnswer, SeriesAnswer, StudyAnswer } from "@/lib/api/types";
import type { SliceView } from "@/lib/api/types";
import type { PickedFile } from "@/domain/upload-plan";
import type { Problem } from "@/lib/problem";

/** What one upload is doing. */
export type UploadState =
  | { kind: "waiting" }
  | { kind: "sending"; fraction: number }
  /** The service is away or full; the upload starts again by itself. */
  | { kind: "held"; problem: Problem }
  | { kind: "working"; filesDone: number; files: number | null; slicesDone: number }
  | { kind: "done" }
  | { kind: "cancelled" }
  | { kind: "failed"; problem: Problem };

export interface Upload {
  id: string;
  name: string;
  files: PickedFile[];
  state: UploadState;
  operatingPoint: string;
  jobId: string | null;
  /** Inputs of this upload that could not be read. */
  refusals: ErrorAnswer[];
}

export interface Slice {
  answer: ImageAnswer;
  view: SliceView;
}

export type Reading = "tumor" | "no_tumor" | "unsure";
export type Verdict = "agree" | "disagree" | "unsure";

export interface Feedback {
  /** The reader's own answer, given before the model's was shown; null without blind mode. */
  reading: Reading | null;
  verdict: Verdict | null;
  comment: string;
}

export const NO_FEEDBACK: Feedback = { reading: null, verdict: null, comment: "" };

/** One picture, series or volume with its answers: what a reader reads. */
export interface Case {
  id: string;
  uploadId: string;
  /** File or folder, as the service calls it. */
  name: string;
  /** What the scanner called the series. */
  description: string | null;
  /** DICOM StudyInstanceUID. */
  study: string | null;
  addedAt: number;
  /** In anatomical order. */
  slices: Slice[];
  series: SeriesAnswer | null;
  /** Of the study that the case belongs to, where several of its series were answered. */
  studyAnswer: StudyAnswer | null;
  operatingPoint: string;
  /** All slices have been answered. */
  complete: boolean;
  feedback: Feedback;
}

export type CaseAnswer = ImageAnswer | SeriesAnswer;

/** The answer that speaks for the case; null while the slices of a series still come in. */
export function answerOf(one: Case): CaseAnswer | null {
  if (one.series) return one.series;
  return one.complete && one.slices.length === 1 ? (one.slices[0]?.answer ?? null) : null;
}

/** What the case is called on the page: series of one zip differ in their description alone. */
export function titleOf(one: Case): string {
  return one.description ?? one.name;
}

/** Slices that would be called a tumor if each stood alone. */
export function markedSlices(one: Case): number {
  return one.slices.filter((slice) => slice.answer.outcome === "tumor").length;
}

/** In blind mode the model keeps silent until the reader has answered. */
export function isHidden(one: Case, blind: boolean): boolean {
  return blind && one.feedback.reading === null;
}

/** The slice to open first: the one with the highest probability of tumor. */
export function strongestSlice(one: Case): number {
  const scores = one.slices.map((slice) => slice.answer.probabilities?.tumor ?? -1);
  return Math.max(0, scores.indexOf(Math.max(...scores)));
}
