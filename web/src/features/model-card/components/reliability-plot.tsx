import { useEffect, useRef } from "react";
import UPlot from "uplot";

import "uplot/dist/uPlot.min.css";
import { useMedia } from "@/components/use-media";
import { useSize } from "@/components/use-size";
import type { Evaluation } from "@/domain/model-evaluation";
import { useSettings } from "@/domain/settings";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";

interface ReliabilityPlotProps {
  bins: Evaluation["reliability"];
}

/** Observed share over mean probability with its intervals; the table below says the same. */
export default function ReliabilityPlot({ bins }: ReliabilityPlotProps) {
  const t = useMessages();
  const holder = useRef<HTMLDivElement>(null);
  const { width } = useSize(holder);
  const theme = useSettings((settings) => settings.theme);
  const isNight = useMedia("(prefers-color-scheme: dark)");

  useEffect(() => {
    const element = holder.current;
    if (!element || width === 0) return;
    const labels = { x: t("reliability.score"), y: t("reliability.observed") };
    const options = optionsFor(width, labels, colorsOf(element));
    const plot = new UPlot(
      options,
      [
        bins.map(({ score }) => score),
        bins.map(({ observed }) => observed.estimate),
        bins.map(({ observed }) => observed.low),
        bins.map(({ observed }) => observed.high),
      ],
      element,
    );
    return () => {
      plot.destroy();
    };
    // The theme changes the colors that are read from the element.
  }, [width, bins, t, theme, isNight]);

  return <div ref={holder} className={styles.plot} aria-hidden="true" />;
}

interface Colors {
  text: string;
  line: string;
  mark: string;
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
  return { text: probe("--text-soft"), line: probe("--line"), mark: probe("--link") };
}

function optionsFor(
  width: number,
  labels: { x: string; y: string },
  { text, line, mark }: Colors,
): UPlot.Options {
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, font: "12px system-ui", size: 42 };
  const none = { show: false };
  return {
    width,
    height: Math.min(width, 400),
    legend: none,
    cursor: none,
    scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } },
    axes: [
      { ...axis, label: labels.x, labelFont: axis.font },
      { ...axis, label: labels.y, labelFont: axis.font },
    ],
    series: [
      {},
      { stroke: mark, width: 1.5, points: { show: true, size: 8, fill: mark } },
      { points: none },
      { points: none },
    ],
    hooks: {
      draw: [
        (plot) => {
          drawDiagonal(plot, text);
          drawIntervals(plot, mark);
        },
      ],
    },
  };
}

function drawDiagonal({ ctx, bbox }: UPlot, color: string): void {
  ctx.save();
  ctx.strokeStyle = color;
  ctx.setLineDash([6, 6]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, bbox.top + bbox.height);
  ctx.lineTo(bbox.left + bbox.width, bbox.top);
  ctx.stroke();
  ctx.restore();
}

function drawIntervals(plot: UPlot, color: string): void {
  const { ctx, data } = plot;
  const [scores, , low = [], high = []] = data;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  scores.forEach((score, place) => {
    const x = plot.valToPos(score, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, plot.valToPos(low[place] ?? 0, "y", true));
    ctx.lineTo(x, plot.valToPos(high[place] ?? 0, "y", true));
    ctx.stroke();
  });
  ctx.restore();
}
