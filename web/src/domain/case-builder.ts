import type { Answer, ImageAnswer, SeriesAnswer, StudyAnswer } from "@/lib/api/types";
import { NO_FEEDBACK, type Case, type Slice, type Upload } from "@/domain/case";
import type { Job } from "@/lib/api/types";

/** The answers of a job, gathered over several looks at it. */
export interface JobAnswers {
  answers: Answer[];
  slices: Job["slices"];
}

export function addAnswers(known: JobAnswers, job: Job): JobAnswers {
  return {
    answers: [...known.answers, ...job.predictions],
    slices: [...known.slices, ...job.slices],
  };
}

/** Gather a job's answers into cases, one per series and one per picture that stands alone. */
export function buildCases(
  upload: Upload,
  known: JobAnswers,
  finished: boolean,
  previous: ReadonlyMap<string, Case>,
): Case[] {
  const groups = groupSlices(upload.id, known);
  const series = matchSeries(groups, known);
  const studies = known.answers.filter((answer) => answer.kind === "study");
  return [...groups.entries()].map(([id, slices]) => {
    const one = buildCase(upload, id, slices, series.get(id) ?? null, finished, previous.get(id));
    return unlessSame({ ...one, studyAnswer: studyOf(one, studies) }, previous.get(id));
  });
}

/** The case as it was where nothing of it is new: views of many then draw only what is. */
function unlessSame(one: Case, previous: Case | undefined): Case {
  if (!previous) return one;
  const hasSameSlices =
    one.slices.length === previous.slices.length &&
    one.slices.every(({ answer, view }, place) => {
      const before = previous.slices[place];
      return before?.answer === answer && before.view === view;
    });
  const next = hasSameSlices ? { ...one, slices: previous.slices } : one;
  const isSame = (Object.keys(next) as (keyof Case)[]).every((key) => next[key] === previous[key]);
  return isSame ? previous : next;
}

function studyOf(one: Case, studies: readonly StudyAnswer[]): StudyAnswer | null {
  if (one.study === null) return null;
  return studies.find((answer) => answer.study_instance_uid === one.study) ?? null;
}

/**
 * Series are answered in the order in which their first slices came. A slice that is alone in its
 * series gets no answer of a series, unless others of it could not be read.
 */
function matchSeries(
  groups: ReadonlyMap<string, Slice[]>,
  known: JobAnswers,
): Map<string, SeriesAnswer> {
  const open = [...groups.entries()].filter(([id]) => isSeries(id));
  const matched = new Map<string, SeriesAnswer>();
  for (const answer of known.answers) {
    if (answer.kind !== "series") continue;
    const mayBeAlone = answer.failed_slices > 0 && answer.slices === 1;
    const place = open.findIndex(([, slices]) => mayBeAlone || slices.length > 1);
    const [group] = place < 0 ? [] : open.splice(0, place + 1).slice(-1);
    if (group) matched.set(group[0], answer);
  }
  return matched;
}

function groupSlices(uploadId: string, known: JobAnswers): Map<string, Slice[]> {
  const groups = new Map<string, Slice[]>();
  for (const view of known.slices) {
    const answer = known.answers[view.index];
    if (answer?.kind !== "image") continue;
    const id =
      view.series === null
        ? `${uploadId}-image-${view.index}`
        : `${uploadId}-series-${view.series}`;
    const slices = groups.get(id);
    if (slices) slices.push({ answer, view });
    else groups.set(id, [{ answer, view }]);
  }
  return groups;
}

function isSeries(caseId: string): boolean {
  return caseId.includes("-series-");
}

function buildCase(
  upload: Upload,
  id: string,
  slices: Slice[],
  series: SeriesAnswer | null,
  finished: boolean,
  previous: Case | undefined,
): Case {
  const complete = finished || series !== null || !isSeries(id);
  return {
    id,
    uploadId: upload.id,
    name: nameOf(upload, id, series, slices[0]?.answer),
    description: firstOf(slices, (view) => view.series_description),
    study: firstOf(slices, (view) => view.study_instance_uid),
    addedAt: previous?.addedAt ?? Date.now(),
    slices: slices.toSorted(byPosition),
    series,
    studyAnswer: null,
    operatingPoint: upload.operatingPoint,
    complete,
    feedback: previous?.feedback ?? NO_FEEDBACK,
  };
}

function nameOf(
  upload: Upload,
  id: string,
  series: SeriesAnswer | null,
  first: ImageAnswer | undefined,
): string {
  if (series) return series.source;
  return (isSeries(id) ? undefined : first?.source) ?? upload.name;
}

function firstOf(slices: Slice[], read: (view: Slice["view"]) => string | null): string | null {
  return slices.map((slice) => read(slice.view)).find(Boolean) ?? null;
}

function byPosition(a: Slice, b: Slice): number {
  const [from, to] = [a.view.position_mm, b.view.position_mm];
  if (from !== null && to !== null && from !== to) return from - to;
  return (a.answer.slice_index ?? a.view.index) - (b.answer.slice_index ?? b.view.index);
}
