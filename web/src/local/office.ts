/** What the worker does for the page: models, one job after the other, and their pictures. */

import { encode } from "fast-png";

import type { Job } from "@/lib/api/types";
import type { BuiltModel } from "@/local/build";
import { EVIDENCE_SIDE } from "@/local/constants.gen";
import { deepPicture, smallPicture } from "@/local/imaging/pictures";
import type { Scan } from "@/local/imaging/scan";
import { readInput } from "@/local/inputs/read";
import { LocalJob, nextTurn, type Shown } from "@/local/jobs";
import { ruleAt } from "@/local/model/decision";
import { evidenceOnImage } from "@/local/model/evidence";
import { allKept } from "@/local/model/files";
import { faultOf, loadModel, threads, type LoadedModel } from "@/local/model/session";
import type { Calls, Start, Status } from "@/local/protocol";

/** There is no job of this name, or it was thrown away. */
export class GoneError extends Error {}

/** The page asks for the picture of its first answer in this time, and should have it at once. */
const DRAWING_MS = 1000;

/** How often the page is told, and draws, how much of a model has come. */
const PROGRESS_STEPS = 20;

/** A job that has nothing to tell says how far it is at least this often. */
const LOOK_MS = 500;

/** Pixels of read files that are kept for the next picture of the same file. */
const KEPT_PIXELS = 16_000_000;

export class Office implements Calls {
  readonly #start: Start;
  readonly #tell: (status: Status) => void;
  readonly #jobs = new Map<string, LocalJob>();
  readonly #kept = new Map<Shown["input"], Scan[]>();
  #status: Status = {
    phase: "loading",
    fault: null,
    answering: null,
    loaded: 0,
    isReduced: false,
    threads: threads(),
  };
  #first: Promise<LoadedModel>;
  #current: LoadedModel | null = null;
  #queue: Promise<void> = Promise.resolve();
  /** Resolved when the page has been told the first answer, or that there is none. */
  readonly #answered = Promise.withResolvers<undefined>();
  #count = 0;
  readonly #faults = new Map<string, unknown>();

  constructor(start: Start, tell: (status: Status) => void) {
    this.#start = start;
    this.#tell = tell;
    this.#first = this.#loadFirst();
    this.#first.catch(() => undefined);
  }

  async model() {
    return (await this.#answering()).card;
  }

  async createJob(...[files, operatingPoint]: Parameters<Calls["createJob"]>): Promise<Job> {
    const model = await this.#answering();
    const rule = ruleAt(model.manifest, operatingPoint) ?? ruleAt(model.manifest, "");
    if (!rule) throw new Error("The model has no operating point.");
    const job = new LocalJob(`job-${(this.#count += 1)}`, files, {
      model,
      rule,
      keep: (input, scans) => {
        this.#keep(input, scans);
      },
    });
    this.#jobs.set(job.id, job);
    const before = this.#queue;
    const ran = before.then(() => job.run());
    // A model that failed is told by the next look at its job.
    this.#queue = ran.catch(() => undefined);
    ran.catch((error: unknown) => {
      this.#faults.set(job.id, error);
    });
    return job.body(0);
  }

  /** What is new of a job, as soon as something is; or nothing, after a while. */
  async getJob(id: string, after: number): Promise<Job> {
    await this.#job(id).news(after, LOOK_MS);
    // A job that has ended badly is not known as such before the next turn.
    await nextTurn();
    const fault = this.#faults.get(id);
    const body = this.#job(id).body(after);
    if (fault !== undefined || body.next > 0 || body.state === "finished") {
      this.#answered.resolve(undefined);
    }
    if (fault !== undefined) throw fault instanceof Error ? fault : new Error("A job failed.");
    return body;
  }

  async deleteJob(id: string): Promise<void> {
    this.#answered.resolve(undefined);
    this.#jobs.get(id)?.cancel();
    this.#jobs.delete(id);
    this.#faults.delete(id);
    return Promise.resolve();
  }

  async picture(path: string): Promise<Blob> {
    const shown = this.#shown(path);
    const scan = await this.#scan(shown);
    const { width, height, pixels } = smallPicture(scan.pixels, shown.view.window);
    const data = Uint8Array.from(pixels);
    const png = encode({ width, height, data, depth: 8, channels: 1 }, { zlib: { level: 1 } });
    return new Blob([png.slice()], { type: "image/png" });
  }

  async deepPicture(path: string) {
    return deepPicture((await this.#scan(this.#shown(path))).pixels);
  }

  async evidence(path: string) {
    const { evidence, geometry, canvasSize, view } = this.#shown(path);
    // What was turned away has no evidence, and shows none.
    if (!evidence || !geometry) return Promise.resolve(blank(view.columns, view.rows));
    return Promise.resolve(evidenceOnImage(evidence, geometry, canvasSize, EVIDENCE_SIDE));
  }

  #job(id: string): LocalJob {
    const job = this.#jobs.get(id);
    if (!job) throw new GoneError();
    return job;
  }

  #shown(path: string): Shown {
    const [id = "", index = ""] = path.split("/");
    const shown = this.#job(id).shown.get(Number(index));
    if (!shown) throw new GoneError();
    return shown;
  }

  /** Read the file again: pixels of all slices would fill the memory. */
  async #scan({ input, place }: Shown): Promise<Scan> {
    const scans = this.#kept.get(input) ?? (await readInput(input));
    this.#keep(input, scans);
    const scan = scans[place];
    if (!scan) throw new GoneError();
    return scan;
  }

  #keep(input: Shown["input"], scans: Scan[]): void {
    this.#kept.delete(input);
    this.#kept.set(input, scans);
    let pixels = 0;
    for (const [one, its] of [...this.#kept].toReversed()) {
      pixels += its.reduce((sum, scan) => sum + scan.pixels.values.length, 0);
      if (pixels > KEPT_PIXELS && one !== input) this.#kept.delete(one);
    }
  }

  /** The model that answers now; after a failure it is tried once more. */
  async #answering(): Promise<LoadedModel> {
    if (this.#current) return this.#current;
    if (this.#status.phase === "failed") this.#first = this.#loadFirst();
    return this.#first;
  }

  async #loadFirst(): Promise<LoadedModel> {
    const [small, full] = this.#start.build.models;
    if (!small) throw new Error("The build holds no model.");
    this.#change({ phase: "loading", fault: null, loaded: 0 });
    try {
      const model = await this.#load(small);
      if (!full) await allKept();
      this.#take(model, full ? 0 : 1);
      if (full) void this.#loadFull(full);
      return model;
    } catch (error) {
      const fault = faultOf(error);
      this.#change({ phase: "failed", fault: fault.kind });
      throw fault;
    }
  }

  /** Behind the small one, which goes on where the full one cannot be had. */
  async #loadFull(built: BuiltModel): Promise<void> {
    this.#change({ loaded: 0, isReduced: false });
    // Those who wait for the small one come first: neither line nor processor is shared before.
    await nextTurn();
    if (this.#jobs.size > 0) {
      await this.#answered.promise;
      await new Promise((resolve) => setTimeout(resolve, DRAWING_MS));
    }
    try {
      const model = await this.#load(built);
      await allKept();
      // Not while a job is answered with the other one; its session is still needed.
      const before = this.#queue;
      this.#queue = before.then(async () => {
        const small = this.#current;
        this.#take(model, 1);
        await small?.release();
      });
    } catch {
      await allKept();
      this.#change({ loaded: 1, isReduced: true });
    }
  }

  async #load(built: BuiltModel): Promise<LoadedModel> {
    return loadModel(built, this.#start, (bytes) => {
      this.#change({ loaded: Math.min(1, bytes / built.graph.bytes) });
    });
  }

  #take(model: LoadedModel, loaded: number): void {
    this.#current = model;
    this.#change({ phase: "ready", answering: model.name, loaded });
  }

  #change(part: Partial<Status>): void {
    const next = { ...this.#status, ...part };
    const isSame =
      next.phase === this.#status.phase &&
      next.answering === this.#status.answering &&
      next.isReduced === this.#status.isReduced &&
      stepOf(next) === stepOf(this.#status);
    this.#status = next;
    if (!isSame) this.#tell(next);
  }
}

function stepOf({ loaded }: Status): number {
  return Math.floor(loaded * PROGRESS_STEPS);
}

function blank(columns: number, rows: number) {
  const shrink = Math.max(1, Math.max(rows, columns) / EVIDENCE_SIDE);
  const [width, height] = [columns, rows].map((side) => Math.max(1, Math.round(side / shrink)));
  return {
    width: width ?? 1,
    height: height ?? 1,
    values: new Uint8Array((width ?? 1) * (height ?? 1)),
  };
}
