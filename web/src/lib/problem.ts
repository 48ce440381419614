/** Everything that can go wrong between the page and the service, as one closed set. */
export type Problem =
  | { kind: "offline" }
  | { kind: "busy"; retryAfterSeconds: number }
  | { kind: "unauthorized" }
  | { kind: "gone" }
  | { kind: "refused"; title: string; detail: string }
  | { kind: "server" }
  /** The model inside the browser cannot be used. */
  | { kind: "model"; fault: ModelFault };

export type ModelFault = "broken" | "memory" | "no-wasm" | "unreachable" | "insecure";

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.kind);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** Seconds to wait when a busy service does not say. */
const DEFAULT_RETRY_SECONDS = 5;

function field(body: unknown, name: string): string {
  if (typeof body !== "object" || body === null || !(name in body)) return "";
  const value: unknown = Reflect.get(body, name);
  return typeof value === "string" ? value : "";
}

/** Read an answer other than 2xx: its status and its application/problem+json body. */
export function problemOf(status: number, body: unknown, retryAfter: string | null): Problem {
  switch (status) {
    case 429:
    case 503:
      return { kind: "busy", retryAfterSeconds: secondsOf(retryAfter) };
    case 401:
      return { kind: "unauthorized" };
    case 404:
    case 410:
      return { kind: "gone" };
    case 408: // the upload took too long
    case 502: // a proxy whose server is away
    case 504:
      return { kind: "offline" };
    default:
      return status >= 400 && status < 500
        ? { kind: "refused", title: field(body, "title"), detail: field(body, "detail") }
        : { kind: "server" };
  }
}

function secondsOf(retryAfter: string | null): number {
  const seconds = Number.parseInt(retryAfter ?? "", 10);
  return Number.isFinite(seconds) ? Math.max(1, seconds) : DEFAULT_RETRY_SECONDS;
}

export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  // fetch rejects with TypeError when no answer arrives at all.
  return error instanceof TypeError ? { kind: "offline" } : { kind: "server" };
}

export function isRetryable(problem: Problem): boolean {
  return problem.kind !== "refused";
}
