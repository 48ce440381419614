/** What the page asks of whatever answers scans: a service, or the model inside the browser. */

import type { Job, ModelCard, Sample } from "@/lib/api/types";

export interface DeepPicture {
  width: number;
  height: number;
  /** Row by row; 0 and 65535 are the ends of the slice's `value_range`. */
  pixels: Uint16Array;
}

export interface EvidenceMap {
  width: number;
  height: number;
  /** Row by row; 255 is certain. */
  values: Uint8Array;
}

export interface CreateOptions {
  /** New for each job: given again after a broken connection, it gives the same one. */
  key: string;
  signal: AbortSignal;
  onProgress: (fraction: number) => void;
}

/** Files with the paths under which answers refer to them. */
export type NamedFile = { file: File; path: string };

export interface Engine {
  model: (signal: AbortSignal) => Promise<ModelCard>;
  samples: (signal: AbortSignal) => Promise<Sample[]>;
  sampleFile: (sample: Sample) => Promise<Blob>;
  /** An empty name stands for the model's own operating point. */
  createJob: (files: NamedFile[], operatingPoint: string, options: CreateOptions) => Promise<Job>;
  /** Look at a job; `after` leaves out as many answers as are known already. */
  getJob: (id: string, after: number, signal: AbortSignal) => Promise<Job>;
  /** Cancel a job or throw it away, with everything that is held of it. */
  deleteJob: (id: string) => Promise<void>;
  /** A slice in 8 bits, by the path of its `SliceView`. */
  picture: (path: string, signal: AbortSignal) => Promise<Blob>;
  /** A slice with all its grey values. */
  deepPicture: (path: string, signal: AbortSignal) => Promise<DeepPicture>;
  evidence: (path: string, signal: AbortSignal) => Promise<EvidenceMap>;
}
