import { expect, test } from "vitest";

import { asProblem, isRetryable, problemOf } from "@/lib/problem";

const BODY = { title: "Too large.", detail: "It has 9 bytes; 8 are allowed." };

test.each([
  [429, "3", { kind: "busy", retryAfterSeconds: 3 }],
  [503, null, { kind: "busy", retryAfterSeconds: 5 }],
  [503, "Wed, 21 Oct 2026 07:28:00 GMT", { kind: "busy", retryAfterSeconds: 5 }],
  [401, null, { kind: "unauthorized" }],
  [404, null, { kind: "gone" }],
  [408, null, { kind: "offline" }],
  [502, null, { kind: "offline" }],
  [413, null, { kind: "refused", ...BODY }],
  [500, null, { kind: "server" }],
])("HTTP %i with Retry-After %s", (status, retryAfter, expected) => {
  expect(problemOf(status, BODY, retryAfter)).toEqual(expected);
});

test("a refusal without words is still a refusal", () => {
  expect(problemOf(400, "<html>", null)).toEqual({ kind: "refused", title: "", detail: "" });
});

test("no answer at all means offline; only refusals are final", () => {
  expect(asProblem(new TypeError("Failed to fetch"))).toEqual({ kind: "offline" });
  expect(asProblem(new Error("?"))).toEqual({ kind: "server" });
  expect(isRetryable({ kind: "server" })).toBe(true);
  expect(isRetryable({ kind: "refused", title: "", detail: "" })).toBe(false);
});
