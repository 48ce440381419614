import { describe, expect, test } from "vitest";

import { clampPan, onPane, place, WHOLE, zoomAt } from "@/features/reading/render/placement";
import {
  AS_STORED,
  changed,
  clampChange,
  greyTable,
  ownWindow,
  preset,
} from "@/features/reading/render/window";
import { sliceView } from "@/testing/answers";

const PANE = { width: 400, height: 300 };

describe("placement", () => {
  test("a square slice fills the shorter side, in the middle", () => {
    expect(place(sliceView(), PANE, WHOLE)).toEqual({ left: 50, top: 0, width: 300, height: 300 });
  });

  test("spacing makes pixels as long as they are", () => {
    const tall = place(sliceView({ spacing_mm: [2, 1] }), PANE, WHOLE);
    expect([tall.width, tall.height]).toEqual([150, 300]);
  });

  test("the first pixel lies at the left top, the last at the right bottom", () => {
    const view = sliceView();
    const at = place(view, PANE, WHOLE);
    expect(onPane([0, 0], view, at)).toEqual({ x: 50 + 300 / 32, y: 300 / 32 });
    expect(onPane([15, 15], view, at)).toEqual({ x: 350 - 300 / 32, y: 300 - 300 / 32 });
  });

  test("zooming keeps what is under the pointer", () => {
    const view = sliceView();
    const point = { x: 120, y: 90 };
    const before = place(view, PANE, WHOLE);
    const after = place(view, PANE, zoomAt(WHOLE, 2, point, before));
    const share = (at: typeof before) => [
      (point.x - at.left) / at.width,
      (point.y - at.top) / at.height,
    ];
    expect(after.width).toBeCloseTo(600);
    for (const axis of [0, 1]) expect(share(after)[axis]).toBeCloseTo(share(before)[axis] ?? 0);
  });

  test("zooming all the way out shows the whole slice", () => {
    expect(
      zoomAt(
        { zoom: 1.1, panX: 0.3, panY: 0 },
        0.5,
        { x: 0, y: 0 },
        place(sliceView(), PANE, WHOLE),
      ),
    ).toEqual(WHOLE);
  });

  test("a slice cannot be moved out of sight", () => {
    expect(clampPan({ zoom: 4, panX: 3, panY: -3 })).toEqual({ zoom: 4, panX: 0.5, panY: -0.5 });
  });
});

describe("grey windows", () => {
  const view = sliceView({ value_range: [0, 4000], window: [100, 1100] });

  test("a case has one window, the median of its slices'", () => {
    const views = [
      [0, 10],
      [100, 1100],
      [200, 5000],
    ].map((window) => sliceView({ window }));
    expect(ownWindow(views)).toEqual({ center: 600, width: 1000 });
  });

  test("black and white are the window's ends", () => {
    const table = greyTable({ center: 2000, width: 2000 }, [0, 4000], false);
    expect([table[0], table[16384], table[32768], table[49152], table[65535]]).toEqual([
      0, 0, 128, 255, 255,
    ]);
  });

  test("inverting swaps them", () => {
    const table = greyTable({ center: 2000, width: 2000 }, [0, 4000], true);
    expect([table[0], table[65535]]).toEqual([255, 0]);
  });

  test("a flat slice gives no nonsense", () => {
    const flat = sliceView({ value_range: [7, 7], window: [7, 7] });
    const table = greyTable(ownWindow([flat]), flat.value_range, false);
    expect(table.every((grey) => grey >= 0 && grey <= 255)).toBe(true);
  });

  test("the preset of all values reaches from the least to the greatest", () => {
    const window = changed(ownWindow([view]), preset("range", ownWindow([view]), view));
    expect(window.center - window.width / 2).toBeCloseTo(0);
    expect(window.center + window.width / 2).toBeCloseTo(4000);
    expect(preset("stored", ownWindow([view]), view)).toEqual(AS_STORED);
  });

  test("windows stay within reason", () => {
    expect(clampChange({ shift: 99, factor: 0 })).toEqual({ shift: 2, factor: 0.02 });
  });
});
