import { renderHook } from "@testing-library/react";
import { expect, test } from "vitest";

import { useNumbers } from "@/messages/use-numbers";

const numbers = () => renderHook(() => useNumbers()).result.current;

test.each([
  [0.0001, "< 1%", "< 0.001"],
  [0.25, "25%", "0.250"],
  [0.9991, "> 99%", "0.999"],
  [1, "> 99%", "> 0.999"],
])("a probability of %f is never told as certain", (value, plain, reader) => {
  expect(numbers().chance(value)).toBe(plain);
  expect(numbers().probability(value)).toBe(reader);
});
