import { authorization } from "@/lib/api/api-key";
import { ProblemError, problemOf } from "@/lib/problem";

/** Fetch from the service; anything but a 2xx answer is thrown as a ProblemError. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: authorization() });
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  throw new ProblemError(problemOf(response.status, body, response.headers.get("Retry-After")));
}
