import type { KeyboardEvent } from "react";

import type { SlicePaneProps } from "@/features/reading/components/slice-pane";
import { MOST_ZOOM, WHOLE } from "@/features/reading/render/placement";
import type { ViewerChange, ViewerState } from "@/features/reading/viewer-state";

const PAGE = 5;
const ZOOM_STEP = 1.25;
const PAN_STEP = 0.05;
const SHIFT_STEP = 0.05;
const FACTOR_STEP = 1.15;

/** What each key does to the look at a slice. */
const LOOKS: Record<string, (state: ViewerState) => ViewerChange> = {
  "+": ({ gaze }) => ({ gaze: { ...gaze, zoom: Math.min(MOST_ZOOM, gaze.zoom * ZOOM_STEP) } }),
  "-": ({ gaze }) =>
    gaze.zoom <= ZOOM_STEP ? { gaze: WHOLE } : { gaze: { ...gaze, zoom: gaze.zoom / ZOOM_STEP } },
  "0": () => ({ gaze: WHOLE }),
  "Shift+ArrowLeft": ({ gaze }) => ({ gaze: { ...gaze, panX: gaze.panX + PAN_STEP } }),
  "Shift+ArrowRight": ({ gaze }) => ({ gaze: { ...gaze, panX: gaze.panX - PAN_STEP } }),
  "Shift+ArrowUp": ({ gaze }) => ({ gaze: { ...gaze, panY: gaze.panY + PAN_STEP } }),
  "Shift+ArrowDown": ({ gaze }) => ({ gaze: { ...gaze, panY: gaze.panY - PAN_STEP } }),
  i: ({ invert }) => ({ invert: !invert }),
  e: ({ showEvidence }) => ({ showEvidence: !showEvidence }),
  m: ({ showPeak }) => ({ showPeak: !showPeak }),
  "[": ({ window }) => ({ window: { ...window, factor: window.factor / FACTOR_STEP } }),
  "]": ({ window }) => ({ window: { ...window, factor: window.factor * FACTOR_STEP } }),
  ".": ({ window }) => ({ window: { ...window, shift: window.shift - SHIFT_STEP } }),
  ",": ({ window }) => ({ window: { ...window, shift: window.shift + SHIFT_STEP } }),
};

const STEPS: Record<string, number> = {
  ArrowUp: -1,
  ArrowLeft: -1,
  ArrowDown: 1,
  ArrowRight: 1,
  PageUp: -PAGE,
  PageDown: PAGE,
  Home: -Infinity,
  End: Infinity,
};

export function usePaneKeys(props: SlicePaneProps): (event: KeyboardEvent) => void {
  const { one, index, onIndex, state, onChange } = props;
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = event.key.startsWith("Arrow");
    const name = event.shiftKey && arrow ? `Shift+${event.key}` : event.key;
    const step = STEPS[name];
    const look = LOOKS[name.length === 1 ? name.toLowerCase() : name];
    if (step !== undefined) onIndex(Math.min(one.slices.length - 1, Math.max(0, index + step)));
    else if (look) onChange(look(state));
    else return;
    event.preventDefault();
  };
}
