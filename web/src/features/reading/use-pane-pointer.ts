import { useEffect, useEffectEvent, useRef, type PointerEvent, type RefObject } from "react";

import type { SlicePaneProps } from "@/features/reading/components/slice-pane";
import { WHOLE, zoomAt, type Placement } from "@/features/reading/render/placement";

/** A drag over the whole pane changes the window by so many widths. */
const WINDOW_SPEED = 1.5;
const WHEEL_ZOOM = 1.15;

interface Drag {
  x: number;
  y: number;
  isPan: boolean;
}

/** Drag, wheel and double click. Everything they do, buttons, sliders and keys do, too. */
export function usePanePointer(
  ref: RefObject<HTMLDivElement | null>,
  props: SlicePaneProps,
  placement: Placement | null,
) {
  const { state, onChange } = props;
  const drag = useRef<Drag | null>(null);
  useWheel(ref, props, placement);

  return {
    onPointerDown(event: PointerEvent<HTMLDivElement>) {
      const isTouch = event.pointerType === "touch";
      // A finger on a whole slice scrolls the page.
      if (event.button > 1 || (isTouch && state.gaze.zoom === 1)) return;
      const isPan = isTouch || event.button === 1 || event.shiftKey || state.tool === "pan";
      drag.current = { x: event.clientX, y: event.clientY, isPan };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent<HTMLDivElement>) {
      const { current } = drag;
      if (!current || !placement) return;
      const moved = { x: event.clientX - current.x, y: event.clientY - current.y };
      drag.current = { ...current, x: event.clientX, y: event.clientY };
      onChange(
        current.isPan
          ? panned(state.gaze, moved, placement)
          : windowed(state.window, moved, event.currentTarget),
      );
    },
    onPointerUp() {
      drag.current = null;
    },
    onPointerCancel() {
      drag.current = null;
    },
    onDoubleClick() {
      onChange({ gaze: WHOLE });
    },
  };
}

function panned(
  gaze: SlicePaneProps["state"]["gaze"],
  moved: { x: number; y: number },
  at: Placement,
) {
  return {
    gaze: { ...gaze, panX: gaze.panX + moved.x / at.width, panY: gaze.panY + moved.y / at.height },
  };
}

/** Right widens, down darkens, as in other viewers. */
function windowed(
  window: SlicePaneProps["state"]["window"],
  moved: { x: number; y: number },
  pane: HTMLElement,
) {
  const across = (moved.x / pane.clientWidth) * WINDOW_SPEED;
  const down = (moved.y / pane.clientHeight) * WINDOW_SPEED;
  return { window: { shift: window.shift + down, factor: window.factor * Math.exp(across * 2) } };
}

function useWheel(
  ref: RefObject<HTMLDivElement | null>,
  props: SlicePaneProps,
  placement: Placement | null,
): void {
  const turn = useEffectEvent((event: WheelEvent, element: HTMLElement) => {
    const { one, index, onIndex, state, onChange } = props;
    if (!placement || event.deltaY === 0) return;
    event.preventDefault();
    const direction = Math.sign(event.deltaY);
    if (one.slices.length > 1 && !event.ctrlKey) {
      onIndex(Math.min(one.slices.length - 1, Math.max(0, index + direction)));
      return;
    }
    const box = element.getBoundingClientRect();
    const point = { x: event.clientX - box.left, y: event.clientY - box.top };
    onChange({ gaze: zoomAt(state.gaze, WHEEL_ZOOM ** -direction, point, placement) });
  });

  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      turn(event, element);
    };
    // React's own wheel listeners cannot keep the page from scrolling.
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      element.removeEventListener("wheel", onWheel);
    };
  }, [ref]);
}
