import { useEffect, useRef, type RefObject } from "react";
import UPlot from "uplot";

import "uplot/dist/uPlot.min.css";
import { useMedia } from "@/components/use-media";
import { useSize } from "@/components/use-size";
import { useSettings } from "@/domain/settings";

const MOST_HEIGHT = 400;

export interface Colors {
  text: string;
  line: string;
  mark: string;
  evidence: string;
}

type Make = (size: { width: number; height: number }, colors: Colors) => UPlot.Options;

/** Keep a plot in an element, in the colors of the page; `make` and `data` must be stable. */
export function usePlot(
  holder: RefObject<HTMLElement | null>,
  make: Make,
  data: UPlot.AlignedData,
): RefObject<UPlot | null> {
  const plot = useRef<UPlot | null>(null);
  const { width } = useSize(holder);
  const theme = useSettings((settings) => settings.theme);
  const isNight = useMedia("(prefers-color-scheme: dark)");

  useEffect(() => {
    const element = holder.current;
    if (!element || width === 0) return;
    const size = { width, height: Math.min(width, MOST_HEIGHT) };
    const made = new UPlot(make(size, colorsOf(element)), data, element);
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
    // The theme changes the colors that are read from the element.
  }, [holder, width, make, data, theme, isNight]);

  return plot;
}

function colorsOf(element: HTMLElement): Colors {
  const style = getComputedStyle(element);
  // Computed colors of real elements: custom properties would still hold light-dark().
  const probe = (name: string) => {
    element.style.color = `var(${name})`;
    const color = style.color;
    element.style.color = "";
    return color;
  };
  return {
    text: probe("--text-soft"),
    line: probe("--line"),
    mark: probe("--link"),
    evidence: probe("--evidence"),
  };
}

/** What all axes share. */
export function axisOf({ text, line }: Colors): UPlot.Axis {
  return { stroke: text, grid: { stroke: line, width: 1 }, font: "12px system-ui", size: 42 };
}
