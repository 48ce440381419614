import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createStore } from "zustand/vanilla";

import { useCalmStore } from "@/domain/calm";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("the first change is shown at once, a flood of others together, the last one always", () => {
  const store = createStore(() => ({ count: 0 }));
  const shown: number[] = [];
  renderHook(() => shown.push(useCalmStore(store, (state) => state.count)));
  for (let count = 1; count <= 100; count += 1) {
    act(() => {
      store.setState({ count });
    });
  }
  expect(shown).toEqual([0, 1]);
  act(() => {
    vi.runAllTimers();
  });
  expect(shown).toEqual([0, 1, 100]);
});
