/** How a reader looks at slices; shared by both panes of a comparison. */

import { useReducer } from "react";

import { clampPan, WHOLE, type Gaze } from "@/features/reading/render/placement";
import { AS_STORED, clampChange, type WindowChange } from "@/features/reading/render/window";

export type Tool = "window" | "pan";

export interface ViewerState {
  gaze: Gaze;
  window: WindowChange;
  invert: boolean;
  tool: Tool;
  showEvidence: boolean;
  opacity: number;
  threshold: number;
  showPeak: boolean;
}

export type ViewerChange = Partial<ViewerState>;

export const FIRST_LOOK: ViewerState = {
  gaze: WHOLE,
  window: AS_STORED,
  invert: false,
  tool: "window",
  showEvidence: true,
  opacity: 0.45,
  threshold: 0.25,
  showPeak: true,
};

function reduce(state: ViewerState, change: ViewerChange): ViewerState {
  const next = { ...state, ...change };
  return { ...next, gaze: clampPan(next.gaze), window: clampChange(next.window) };
}

export function useViewerState(): [ViewerState, (change: ViewerChange) => void] {
  return useReducer(reduce, FIRST_LOOK);
}
