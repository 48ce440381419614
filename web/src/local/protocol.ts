/** Between the page and the worker that answers. */

import type { Job, ModelCard } from "@/lib/api/types";
import type { DeepPicture, EvidenceMap, NamedFile } from "@/lib/engine/types";
import type { ModelFault } from "@/lib/problem";
import type { StaticBuild } from "@/local/build";

/** What the worker does for the page; each call is answered with a result or a fault. */
export interface Calls {
  model: () => Promise<ModelCard>;
  createJob: (files: NamedFile[], operatingPoint: string) => Promise<Job>;
  getJob: (id: string, after: number) => Promise<Job>;
  deleteJob: (id: string) => Promise<void>;
  picture: (path: string) => Promise<Blob>;
  deepPicture: (path: string) => Promise<DeepPicture>;
  evidence: (path: string) => Promise<EvidenceMap>;
}

export type CallName = keyof Calls;

export type Fault =
  | { kind: "gone" }
  | { kind: "model"; fault: ModelFault }
  | { kind: "refused"; title: string; detail: string }
  | { kind: "server" };

/** Which model answers, and what is still on its way. */
export interface Status {
  phase: "loading" | "ready" | "failed";
  fault: ModelFault | null;
  answering: "lite" | "default" | null;
  /** Share of the model that is on its way; 1 where none is. */
  loaded: number;
  /** The full model cannot be had; the small one goes on. */
  isReduced: boolean;
  threads: number;
}

export interface ToWorker {
  id: number;
  name: CallName;
  parameters: unknown[];
}

export interface Start {
  /** The page's own folder. */
  base: string;
  build: StaticBuild;
}

export type FromWorker =
  { id: number; result: unknown } | { id: number; fault: Fault } | { status: Status };
