import createClient from "openapi-fetch";

import type { paths } from "@/api-types.gen";
import { authorization } from "@/lib/api/api-key";
import { SERVICE, serviceUrl } from "@/lib/api/service-url";
import { ProblemError, problemOf } from "@/lib/problem";

/** Fetch from the service; anything but a 2xx answer is thrown as a ProblemError. */
export async function request(input: RequestInfo, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(input instanceof Request ? input.headers : init.headers);
  for (const [name, value] of Object.entries(authorization())) headers.set(name, value);
  const address = typeof input === "string" ? serviceUrl(input) : input;
  const response = await fetch(address, { ...init, headers });
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  throw new ProblemError(problemOf(response.status, body, response.headers.get("Retry-After")));
}

/** The service's routes, as openapi.json describes them. */
export const client = createClient<paths>({
  baseUrl: SERVICE,
  fetch: (input) => request(input),
});
