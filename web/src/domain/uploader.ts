/** Brings uploads to the service, a few at a time, and fetches their answers as they come. */

import { addAnswers, type JobAnswers } from "@/domain/case-builder";
import type { Upload } from "@/domain/case";
import type { Desk } from "@/domain/desk";
import type { UploadPlan } from "@/domain/upload-plan";
import type { Job } from "@/lib/api/types";
import type { Engine } from "@/lib/engine/types";
import { asProblem, type Problem } from "@/lib/problem";
import { sleep } from "@/lib/sleep";

export type JobApi = Pick<Engine, "createJob" | "getJob" | "deleteJob">;

/** One is computed by the service while the next ones arrive there. */
const UPLOADS_AT_ONCE = 3;
/** A slice takes the service some 60 ms: often enough to show the first at once. */
const FIRST_LOOK_MS = 150;
const LONGEST_LOOK_MS = 1000;
const OFFLINE_RETRY_MS = 2000;

export class Uploader {
  readonly #desk: Desk;
  readonly #api: JobApi;
  readonly #waiting: string[] = [];
  readonly #running = new Map<string, AbortController>();
  /** Jobs whose pictures are in sight until the same upload has been answered anew. */
  readonly #outdated = new Map<string, string[]>();

  constructor(desk: Desk, api: JobApi) {
    this.#desk = desk;
    this.#api = api;
  }

  /** Put planned uploads on the desk and start them; returns their ids. */
  add(plans: UploadPlan[], operatingPoint: string): string[] {
    const uploads = plans.map((plan) => newUpload(plan, operatingPoint));
    this.#desk.addUploads(uploads);
    this.#waiting.push(...uploads.map((one) => one.id));
    this.#startNext();
    return uploads.map((one) => one.id);
  }

  cancel(id: string): void {
    const waiting = this.#waiting.indexOf(id);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
    this.#running.get(id)?.abort();
    this.#running.delete(id);
    this.#forgetJob(id);
    this.#desk.setUploadState(id, { kind: "cancelled" });
    this.#startNext();
  }

  retry(id: string): void {
    if (this.#running.has(id) || this.#waiting.includes(id)) return;
    this.#desk.changeUpload(id, { state: { kind: "waiting" }, jobId: null, refusals: [] });
    this.#waiting.push(id);
    this.#startNext();
  }

  /** Have everything on the desk answered anew; what readers said of it stays. */
  askAgain(operatingPoint: string): void {
    for (const { id, state, jobId } of this.#desk.store.getState().uploads.values()) {
      if (state.kind !== "done") continue;
      if (jobId) this.#outdated.set(id, [...(this.#outdated.get(id) ?? []), jobId]);
      this.#desk.changeUpload(id, { operatingPoint });
      this.retry(id);
    }
  }

  /** Take an upload that is over off the tray; what came of it stays. */
  dismiss(id: string): void {
    this.#desk.changeUpload(id, { state: { kind: "done" }, refusals: [] });
  }

  /** Ask the service to delete what it holds, when the page is left. */
  forgetAll(): void {
    for (const id of this.#desk.store.getState().uploads.keys()) {
      this.#forgetJob(id);
      this.#forgetOutdated(id);
    }
  }

  #forgetJob(id: string): void {
    const jobId = this.#desk.store.getState().uploads.get(id)?.jobId;
    if (jobId) this.#delete(jobId);
  }

  #forgetOutdated(id: string): void {
    for (const jobId of this.#outdated.get(id) ?? []) this.#delete(jobId);
    this.#outdated.delete(id);
  }

  #delete(jobId: string): void {
    // If the service does not hear it, the job expires there by itself.
    this.#api.deleteJob(jobId).catch(() => undefined);
  }

  #startNext(): void {
    while (this.#running.size < UPLOADS_AT_ONCE) {
      const id = this.#waiting.shift();
      if (id === undefined) return;
      const controller = new AbortController();
      this.#running.set(id, controller);
      void this.#run(id, controller.signal).finally(() => {
        // A cancelled one may be running anew by now.
        if (this.#running.get(id) === controller) this.#running.delete(id);
        this.#startNext();
      });
    }
  }

  async #run(id: string, signal: AbortSignal): Promise<void> {
    try {
      const key = newKey();
      const job = await this.#persist(id, signal, () => this.#send(id, key, signal));
      await this.#follow(id, job, signal);
      this.#desk.setUploadState(id, { kind: "done" });
      this.#forgetOutdated(id);
    } catch (error) {
      if (!signal.aborted)
        this.#desk.setUploadState(id, { kind: "failed", problem: asProblem(error) });
    }
  }

  async #send(id: string, key: string, signal: AbortSignal): Promise<Job> {
    const upload = this.#desk.store.getState().uploads.get(id);
    if (!upload) throw new DOMException("The upload was removed.", "AbortError");
    this.#desk.setUploadState(id, { kind: "sending", fraction: 0 });
    const onProgress = (fraction: number) => {
      if (!signal.aborted) this.#desk.setUploadState(id, { kind: "sending", fraction });
    };
    const job = await this.#api.createJob(upload.files, upload.operatingPoint, {
      key,
      signal,
      onProgress,
    });
    this.#desk.changeUpload(id, { jobId: job.id, operatingPoint: job.operating_point });
    return job;
  }

  async #follow(id: string, created: Job, signal: AbortSignal): Promise<void> {
    let known: JobAnswers = { answers: [], slices: [] };
    let next = 0;
    let pause = FIRST_LOOK_MS;
    for (;;) {
      const job = await this.#persist(id, signal, () => this.#api.getJob(created.id, next, signal));
      const finished = job.state === "finished";
      if (job.predictions.length > 0) known = addAnswers(known, job);
      if (job.predictions.length > 0 || finished) this.#desk.setAnswers(id, known, finished);
      if (finished) return;
      this.#desk.setUploadState(id, workingState(job));
      pause = job.next > next ? FIRST_LOOK_MS : Math.min(LONGEST_LOOK_MS, pause * 1.5);
      next = job.next;
      await sleep(pause, signal);
    }
  }

  /** Do a step, again and again while the service is away or has too much to do. */
  async #persist<T>(id: string, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        const problem = asProblem(error);
        const pause = pauseFor(problem);
        if (signal.aborted || pause === null) throw error;
        this.#desk.setUploadState(id, { kind: "held", problem });
        await sleep(pause, signal);
      }
    }
  }
}

function pauseFor(problem: Problem): number | null {
  if (problem.kind === "offline") return OFFLINE_RETRY_MS;
  return problem.kind === "busy" ? problem.retryAfterSeconds * 1000 : null;
}

function workingState(job: Job): Upload["state"] {
  const { files, files_done: filesDone, slices_done: slicesDone } = job.progress;
  return { kind: "working", files, filesDone, slicesDone };
}

/** Not by randomUUID, which pages of hosts without TLS do not have. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

let counter = 0;

function newUpload(plan: UploadPlan, operatingPoint: string): Upload {
  return {
    id: `upload-${(counter += 1)}`,
    name: plan.name,
    files: plan.files,
    state: { kind: "waiting" },
    operatingPoint,
    jobId: null,
    refusals: [],
  };
}
