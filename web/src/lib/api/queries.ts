import { queryOptions } from "@tanstack/react-query";

import { engine } from "@/lib/engine/engine";

export const modelQuery = queryOptions({
  queryKey: ["model"],
  queryFn: ({ signal }) => engine.model(signal),
  staleTime: Infinity,
});

export const samplesQuery = queryOptions({
  queryKey: ["samples"],
  queryFn: ({ signal }) => engine.samples(signal),
  staleTime: Infinity,
});

/** A picture of a slice, by the path that its view gives. */
export function pictureQuery(path: string) {
  return queryOptions({
    queryKey: ["picture", path],
    queryFn: ({ signal }) => engine.picture(path, signal),
    staleTime: Infinity,
  });
}
