/** Grey windows: which values are shown black and which white. */

import type { SliceView } from "@/lib/api/types";

export interface GreyWindow {
  center: number;
  width: number;
}

/**
 * A window as a change of a case's own one, so that it means the same for pictures in different
 * units: `shift` in widths, `factor` of the width.
 */
export interface WindowChange {
  shift: number;
  factor: number;
}

export const AS_STORED: WindowChange = { shift: 0, factor: 1 };

const FACTORS = { least: 0.02, most: 8 };
const SHIFTS = { least: -2, most: 2 };

/** One window for all slices of a case: the median one, so that scrolling does not flicker. */
export function ownWindow(views: readonly SliceView[]): GreyWindow {
  const black = median(views.map((view) => view.window[0] ?? 0));
  const white = median(views.map((view) => view.window[1] ?? 1));
  return { center: (black + white) / 2, width: Math.max(white - black, Number.EPSILON) };
}

export function changed(own: GreyWindow, change: WindowChange): GreyWindow {
  return { center: own.center + change.shift * own.width, width: own.width * change.factor };
}

export function clampChange({ shift, factor }: WindowChange): WindowChange {
  return {
    shift: Math.min(SHIFTS.most, Math.max(SHIFTS.least, shift)),
    factor: Math.min(FACTORS.most, Math.max(FACTORS.least, factor)),
  };
}

export type PresetName = "stored" | "range" | "bright" | "dark" | "hard";

/** Presets by what they show; MR values have no fixed meaning that presets could be named after. */
export function preset(name: PresetName, own: GreyWindow, view: SliceView): WindowChange {
  switch (name) {
    case "stored":
      return AS_STORED;
    case "range": {
      const [low = 0, high = 1] = view.value_range;
      return clampChange({
        shift: ((low + high) / 2 - own.center) / own.width,
        factor: (high - low) / own.width,
      });
    }
    case "bright":
      return { shift: 0.25, factor: 0.5 };
    case "dark":
      return { shift: -0.25, factor: 0.5 };
    case "hard":
      return { shift: 0, factor: 0.5 };
  }
}

/** Grey for each of the 65,536 stored values. */
export function greyTable(
  window: GreyWindow,
  range: readonly number[],
  invert: boolean,
): Uint8ClampedArray {
  const [low = 0, high = 1] = range;
  const table = new Uint8ClampedArray(65536);
  const scale = (high - low) / 65535;
  const black = window.center - window.width / 2;
  for (let stored = 0; stored < 65536; stored += 1) {
    const grey = ((low + stored * scale - black) / window.width) * 255;
    table[stored] = invert ? 255 - Math.min(255, Math.max(0, grey)) : grey;
  }
  return table;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
