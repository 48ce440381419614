/** The engine of the static page: the model inside the browser, in a worker. */

import { createStore } from "zustand/vanilla";

import type { Engine } from "@/lib/engine/types";
import { ProblemError } from "@/lib/problem";
import { readBuild } from "@/local/build";
import type { CallName, Calls, FromWorker, Status } from "@/local/protocol";
import { startWorker } from "@/local/start-worker";

/** Which model answers; `null` until the worker has said so. */
export const status = createStore<{ status: Status | null }>(() => ({ status: null }));

type Settle = { resolve: (result: never) => void; reject: (error: Error) => void };

const open = new Map<number, Settle>();
let worker: Worker | null = null;
let count = 0;

function running(): Worker {
  if (worker) return worker;
  worker = startWorker({ base: new URL(".", location.href).href, build: readBuild() });
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    take(data);
  });
  // A worker that cannot be started, or that the browser has ended for want of memory.
  worker.addEventListener("error", () => {
    failAll();
  });
  return worker;
}

function take(message: FromWorker): void {
  if ("status" in message) {
    status.setState({ status: message.status });
    return;
  }
  const settle = open.get(message.id);
  open.delete(message.id);
  if ("fault" in message) settle?.reject(new ProblemError(message.fault));
  else settle?.resolve(message.result as never);
}

function failAll(): void {
  worker?.terminate();
  worker = null;
  status.setState({
    status: {
      phase: "failed",
      fault: "memory",
      answering: null,
      loaded: 0,
      isReduced: false,
      threads: 1,
    },
  });
  for (const { reject } of open.values()) {
    reject(new ProblemError({ kind: "model", fault: "memory" }));
  }
  open.clear();
}

function call<Name extends CallName>(
  name: Name,
  ...parameters: Parameters<Calls[Name]>
): ReturnType<Calls[Name]> {
  const id = (count += 1);
  const result = new Promise((resolve, reject) => {
    open.set(id, { resolve, reject });
    running().postMessage({ id, name, parameters });
  });
  return result as ReturnType<Calls[Name]>;
}

export const engine: Engine = {
  model: () => call("model"),
  samples: () => Promise.resolve([...readBuild().samples]),
  sampleFile: async (sample) => {
    const response = await fetch(new URL(sample.url, location.href));
    if (!response.ok) throw new ProblemError({ kind: "gone" });
    return response.blob();
  },
  createJob: (files, operatingPoint) => call("createJob", files, operatingPoint),
  getJob: (id, after) => call("getJob", id, after),
  deleteJob: (id) => call("deleteJob", id),
  picture: (path) => call("picture", path),
  deepPicture: (path) => call("deepPicture", path),
  evidence: (path) => call("evidence", path),
};

/** Start loading before anybody has brought a scan. */
export function warmUp(): void {
  running();
}
