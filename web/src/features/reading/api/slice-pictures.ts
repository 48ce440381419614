import { queryOptions } from "@tanstack/react-query";
import { decode } from "fast-png";

import { request } from "@/lib/api/request";
import type { SliceView } from "@/lib/api/types";

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

/** Pictures of slices that are not in sight any more are dropped after this time. */
const KEEP_MS = 120_000;

/** A slice with all its grey values; browsers' own decoders would cut them to 256. */
export function deepPictureQuery(view: SliceView | undefined) {
  return queryOptions({
    queryKey: ["deep-picture", view?.image],
    queryFn: async ({ signal }): Promise<DeepPicture> => {
      const { width, height, data } = await fetchPng(`${view?.image ?? ""}?depth=16`, signal);
      const pixels =
        data instanceof Uint16Array ? data : Uint16Array.from(data, (grey) => grey * 257);
      return { width, height, pixels };
    },
    enabled: Boolean(view?.image),
    staleTime: Infinity,
    gcTime: KEEP_MS,
  });
}

export function evidenceQuery(view: SliceView | undefined) {
  return queryOptions({
    queryKey: ["evidence", view?.evidence],
    queryFn: async ({ signal }): Promise<EvidenceMap> => {
      const { width, height, data } = await fetchPng(view?.evidence ?? "", signal);
      return { width, height, values: Uint8Array.from(data) };
    },
    enabled: Boolean(view?.evidence),
    staleTime: Infinity,
    gcTime: KEEP_MS,
  });
}

async function fetchPng(path: string, signal: AbortSignal) {
  const response = await request(path, { signal });
  return decode(await response.arrayBuffer());
}
