/** The engine of the served page: the HTTP API of `tumorscope serve`. */

import { createJob, deleteJob, getJob } from "@/lib/api/jobs";
import { client, request } from "@/lib/api/request";
import type { Engine } from "@/lib/engine/types";

export const engine: Engine = {
  model: async (signal) => {
    const { data } = await client.GET("/api/v1/model", { signal });
    if (!data) throw new Error("A good answer holds a model card.");
    return data;
  },
  samples: async (signal) => {
    const { data } = await client.GET("/api/v1/samples", { signal });
    if (!data) throw new Error("A good answer holds a list of samples.");
    return data.samples;
  },
  sampleFile: async (sample) => (await request(sample.url)).blob(),
  createJob,
  getJob,
  deleteJob,
  picture: async (path, signal) => (await request(path, { signal })).blob(),
  deepPicture: async (path, signal) => {
    // Browsers' own decoders would cut the grey values to 256.
    const { width, height, data } = await fetchPng(`${path}?depth=16`, signal);
    const pixels =
      data instanceof Uint16Array ? data : Uint16Array.from(data, (grey) => grey * 257);
    return { width, height, pixels };
  },
  evidence: async (path, signal) => {
    const { width, height, data } = await fetchPng(path, signal);
    return { width, height, values: Uint8Array.from(data) };
  },
};

async function fetchPng(path: string, signal: AbortSignal) {
  const response = await request(path, { signal });
  // With the reading room, and not with the first view.
  const { decode } = await import("fast-png");
  return decode(await response.arrayBuffer());
}
