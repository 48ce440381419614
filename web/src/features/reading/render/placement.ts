/** Where a slice lies on the screen, in CSS pixels of its pane. */

import type { SliceView } from "@/lib/api/types";

export interface Placement {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Gaze {
  /** 1 shows the whole slice. */
  zoom: number;
  /** Displacement of the slice's middle from the pane's, in widths and heights of the slice. */
  panX: number;
  panY: number;
}

export const WHOLE: Gaze = { zoom: 1, panX: 0, panY: 0 };
export const MOST_ZOOM = 16;

export function place(
  view: SliceView,
  pane: { width: number; height: number },
  gaze: Gaze,
): Placement {
  const [rowSpacing = 1, columnSpacing = 1] = view.spacing_mm ?? [];
  const tall = view.rows * rowSpacing;
  const wide = view.columns * columnSpacing;
  const scale = Math.min(pane.width / wide, pane.height / tall) * gaze.zoom;
  const width = wide * scale;
  const height = tall * scale;
  return {
    width,
    height,
    left: (pane.width - width) / 2 + gaze.panX * width,
    top: (pane.height - height) / 2 + gaze.panY * height,
  };
}

/** Middle of a pixel, given as (row, column), on the pane. */
export function onPane(
  [row, column]: readonly [number, number],
  view: SliceView,
  at: Placement,
): { x: number; y: number } {
  return {
    x: at.left + ((column + 0.5) / view.columns) * at.width,
    y: at.top + ((row + 0.5) / view.rows) * at.height,
  };
}

/** Zoom about a point of the pane, which keeps what is under it. */
export function zoomAt(
  gaze: Gaze,
  factor: number,
  point: { x: number; y: number },
  at: Placement,
): Gaze {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, gaze.zoom * factor));
  if (zoom === 1) return WHOLE;
  const ratio = gaze.zoom / zoom;
  // The point in widths and heights of the slice, from its middle.
  const u = (point.x - at.left) / at.width - 0.5;
  const v = (point.y - at.top) / at.height - 0.5;
  return clampPan({
    zoom,
    panX: (gaze.panX + u) * ratio - u,
    panY: (gaze.panY + v) * ratio - v,
  });
}

/** The slice's edge never goes past the pane's middle. */
export function clampPan(gaze: Gaze): Gaze {
  const clamp = (value: number) => Math.min(0.5, Math.max(-0.5, value));
  return { ...gaze, panX: clamp(gaze.panX), panY: clamp(gaze.panY) };
}
