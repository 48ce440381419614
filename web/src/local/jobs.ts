/** Jobs inside the browser: the same answers in the same order as those of the service. */

import type { Answer, Job, SeriesAnswer, SliceView } from "@/lib/api/types";
import type { NamedFile } from "@/lib/engine/types";
import { NOTICE } from "@/local/constants.gen";
import type { CanvasGeometry } from "@/local/imaging/preprocess";
import { describeSlice } from "@/local/imaging/pictures";
import { type Scan, seriesInstanceUid, seriesKey } from "@/local/imaging/scan";
import { closeArchive, expand, type Input } from "@/local/inputs/expand";
import { readInput } from "@/local/inputs/read";
import { classify, failure, type Model } from "@/local/model/classify";
import type { Rule } from "@/local/model/decision";
import type { Evidence } from "@/local/model/evidence";
import { ModelError } from "@/local/model/manifest";
import type { Member } from "@/local/model/member";
import { answerSeries } from "@/local/model/series";
import { answerStudies } from "@/local/model/study";
import { News } from "@/local/news";

/** Of a slice, what its pictures are made of again when they are looked at. */
export interface Shown {
  input: Input;
  /** Place among the scans of the input. */
  place: number;
  view: SliceView;
  evidence: Evidence | null;
  geometry: CanvasGeometry | null;
  canvasSize: number;
}

interface Series {
  members: Member[];
  failed: number;
}

export interface JobTools {
  model: Model;
  rule: Rule;
  /** Take what was read, for pictures that are looked at soon. */
  keep: (input: Input, scans: Scan[]) => void;
}

export class LocalJob {
  readonly id: string;
  readonly shown = new Map<number, Shown>();
  readonly #files: NamedFile[];
  readonly #model: Model;
  readonly #rule: Rule;
  readonly #created = new Date().toISOString();
  readonly #answers: Answer[] = [];
  readonly #series = new Map<string, Series>();
  #state: Job["state"] = "queued";
  #fileCount: number | null = null;
  #filesDone = 0;
  #slicesDone = 0;
  #failed = 0;
  #isCancelled = false;
  readonly #keep: JobTools["keep"];
  readonly #news = new News();

  constructor(id: string, files: NamedFile[], { model, rule, keep }: JobTools) {
    this.id = id;
    this.#files = files;
    this.#model = model;
    this.#rule = rule;
    this.#keep = keep;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.shown.clear();
    this.#news.tell();
  }

  /** Answer everything; between two slices other calls have their turn. */
  async run(): Promise<void> {
    this.#state = "running";
    try {
      const inputs = await this.#listInputs();
      this.#fileCount = inputs.length + this.#filesDone;
      for (const input of inputs) {
        if (this.#isCancelled) return;
        await this.#answerInput(input);
        this.#filesDone += 1;
        this.#news.tell();
      }
      this.#answers.push(...this.#answersOfMany());
    } finally {
      closeArchive();
      this.#state = "finished";
      this.#news.tell();
    }
  }

  /** Wait until there are more answers than those, or none to come. */
  news(after: number, mostMs: number): Promise<void> {
    const hasNews = () =>
      this.#answers.length > after || this.#state === "finished" || this.#isCancelled;
    return this.#news.until(hasNews, mostMs);
  }

  body(after: number): Job {
    const predictions = this.#answers.slice(after);
    const slices = [...this.shown].filter(([index]) => index >= after).map(([, one]) => one.view);
    return {
      id: this.id,
      state: this.#state,
      created: this.#created,
      expires: null,
      operating_point: this.#rule.point.name,
      hold: 0,
      progress: {
        files: this.#fileCount,
        files_done: this.#filesDone,
        slices_done: this.#slicesDone,
        failed: this.#failed,
      },
      predictions,
      slices,
      next: after + predictions.length,
      notice: NOTICE,
    };
  }

  async #listInputs(): Promise<Input[]> {
    const inputs: Input[] = [];
    for (const { file, path } of this.#files) {
      try {
        inputs.push(...(await expand(path, file)));
      } catch (error) {
        this.#fail(path, error);
        this.#filesDone += 1;
      }
    }
    return inputs;
  }

  async #answerInput(input: Input): Promise<void> {
    let scans: Scan[];
    try {
      scans = await readInput(input);
    } catch (error) {
      this.#fail(input.name, error);
      return;
    }
    this.#keep(input, scans);
    for (const [place, scan] of scans.entries()) {
      if (this.#isCancelled) return;
      await this.#answerScan(input, place, scan);
      this.#news.tell();
      await nextTurn();
    }
  }

  async #answerScan(input: Input, place: number, scan: Scan): Promise<void> {
    const key = seriesKey(scan);
    const series = this.#seriesOf(key);
    try {
      const { answer, evidence, geometry } = await classify(this.#model, this.#rule, scan);
      const index = this.#answers.length;
      const view: SliceView = {
        index,
        series: key === null ? null : this.#seriesNumber(key),
        ...describeSlice(scan),
        image: picturePath(this.id, index, "image"),
        evidence: picturePath(this.id, index, "evidence"),
      };
      const { size: canvasSize } = this.#model.manifest.preprocessing;
      this.shown.set(index, { input, place, view, evidence, geometry, canvasSize });
      this.#answers.push(answer);
      this.#slicesDone += 1;
      series?.members.push(memberOf(scan, answer));
    } catch (error) {
      // Without its model the whole job has no answer; one slice must not end it.
      if (error instanceof ModelError) throw error;
      if (series) series.failed += 1;
      this.#fail(scan.source, error, scan.sliceIndex);
    }
  }

  #seriesOf(key: string | null): Series | null {
    if (key === null) return null;
    const series = this.#series.get(key) ?? { members: [], failed: 0 };
    this.#series.set(key, series);
    return series;
  }

  #seriesNumber(key: string): number {
    return [...this.#series.keys()].indexOf(key);
  }

  #fail(source: string, error: unknown, sliceIndex: number | null = null): void {
    this.#answers.push(failure(source, error, sliceIndex));
    this.#failed += 1;
  }

  /** Those of the series, and behind them those of studies with several. */
  #answersOfMany(): Answer[] {
    const series = this.#seriesAnswers();
    return [...series, ...answerStudies(series, this.#rule, this.#model.identity)];
  }

  #seriesAnswers(): SeriesAnswer[] {
    const { identity, manifest } = this.#model;
    return [...this.#series.values()].flatMap(({ members, failed }) =>
      members.length > 0 && members.length + failed > 1
        ? [
            answerSeries(members, {
              failed,
              rule: this.#rule,
              model: identity,
              spread: manifest.calibration.series_spread,
            }),
          ]
        : [],
    );
  }
}

/** The path of a picture, which only the worker reads. */
function picturePath(job: string, index: number, kind: "image" | "evidence"): string {
  return `${job}/${index}/${kind}`;
}

function memberOf(scan: Scan, answer: Member["answer"]): Member {
  return {
    answer,
    seriesUid: seriesInstanceUid(scan),
    studyUid: scan.studyUid,
    description: scan.seriesDescription,
    positionMm: scan.positionMm,
    member: scan.member,
  };
}

/** Let the calls that wait be worked off. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
