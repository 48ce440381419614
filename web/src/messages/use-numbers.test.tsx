import { renderHook } from "@testing-library/react";
import { expect, test } from "vitest";

import { useNumbers } from "@/messages/use-numbers";

const numbers = () => renderHook(() => useNumbers()).result.current;

test.each([
  [0.0001, "<\u00a01%", "<\u00a00.001"],
  [0.25, "25%", "0.250"],
  [0.9991, ">\u00a099%", "0.999"],
  [1, ">\u00a099%", ">\u00a00.999"],
])("a probability of %f is never told as certain", (value, plain, reader) => {
  expect(numbers().chance(value)).toBe(plain);
  expect(numbers().probability(value)).toBe(reader);
});

test("no figure holds a place where a line may break", () => {
  const { chance, probability, interval } = numbers();
  const figures = [0, 1].flatMap((value) => [chance(value), probability(value)]);
  for (const words of [...figures, interval({ estimate: 0.9, low: 0.85, high: 0.94 })]) {
    expect(words).not.toMatch(/ |–(?!\u2060)/);
  }
});
