import { queryOptions } from "@tanstack/react-query";

import { client, request } from "@/lib/api/request";

export const modelQuery = queryOptions({
  queryKey: ["model"],
  queryFn: async ({ signal }) => {
    const { data } = await client.GET("/api/v1/model", { signal });
    if (!data) throw new Error("A good answer holds a model card.");
    return data;
  },
  staleTime: Infinity,
});

export const samplesQuery = queryOptions({
  queryKey: ["samples"],
  queryFn: async ({ signal }) => {
    const { data } = await client.GET("/api/v1/samples", { signal });
    if (!data) throw new Error("A good answer holds a list of samples.");
    return data.samples;
  },
  staleTime: Infinity,
});

/** A picture of a slice, by the path that the service gave for it. */
export function pictureQuery(path: string) {
  return queryOptions({
    queryKey: ["picture", path],
    queryFn: async ({ signal }) => (await request(path, { signal })).blob(),
    staleTime: Infinity,
  });
}
