import { QueryClient } from "@tanstack/react-query";

import { ProblemError } from "@/lib/problem";

/** Attempts at something that may pass by itself; the view's own face offers more. */
const RETRIES = 1;

export function createQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The page may be used without any network but the loopback.
        networkMode: "always",
        refetchOnWindowFocus: false,
        retry: (failures, error) =>
          failures < RETRIES &&
          error instanceof ProblemError &&
          (error.problem.kind === "server" || error.problem.kind === "busy"),
      },
    },
  });
}
