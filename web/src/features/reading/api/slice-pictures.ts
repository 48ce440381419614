import { queryOptions } from "@tanstack/react-query";

import type { SliceView } from "@/lib/api/types";
import { engine } from "@/lib/engine/engine";

export type { DeepPicture, EvidenceMap } from "@/lib/engine/types";

/** Pictures of slices that are not in sight any more are dropped after this time. */
const KEEP_MS = 120_000;

/** A slice with all its grey values. */
export function deepPictureQuery(view: SliceView | undefined) {
  return queryOptions({
    queryKey: ["deep-picture", view?.image],
    queryFn: ({ signal }) => engine.deepPicture(view?.image ?? "", signal),
    enabled: Boolean(view?.image),
    staleTime: Infinity,
    gcTime: KEEP_MS,
  });
}

export function evidenceQuery(view: SliceView | undefined) {
  return queryOptions({
    queryKey: ["evidence", view?.evidence],
    queryFn: ({ signal }) => engine.evidence(view?.evidence ?? "", signal),
    enabled: Boolean(view?.evidence),
    staleTime: Infinity,
    gcTime: KEEP_MS,
  });
}
