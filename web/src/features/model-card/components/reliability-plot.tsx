import { useCallback, useMemo, useRef } from "react";
import type UPlot from "uplot";

import type { Evaluation } from "@/domain/model-evaluation";
import styles from "@/features/model-card/components/model-room.module.css";
import { axisOf, usePlot, type Colors } from "@/features/model-card/components/use-plot";
import { useMessages } from "@/messages/use-messages";

interface ReliabilityPlotProps {
  bins: Evaluation["reliability"];
}

/** Observed share over mean probability with its intervals; the table below says the same. */
export default function ReliabilityPlot({ bins }: ReliabilityPlotProps) {
  const t = useMessages();
  const holder = useRef<HTMLDivElement>(null);
  const data = useMemo<UPlot.AlignedData>(
    () => [
      bins.map(({ score }) => score),
      bins.map(({ observed }) => observed.estimate),
      bins.map(({ observed }) => observed.low),
      bins.map(({ observed }) => observed.high),
    ],
    [bins],
  );
  const make = useCallback(
    (size: { width: number; height: number }, colors: Colors) =>
      optionsFor(size, { x: t("reliability.score"), y: t("reliability.observed") }, colors),
    [t],
  );
  usePlot(holder, make, data);
  return <div ref={holder} className={styles.plot} aria-hidden="true" />;
}

function optionsFor(
  size: { width: number; height: number },
  labels: { x: string; y: string },
  colors: Colors,
): UPlot.Options {
  const axis = axisOf(colors);
  const { text, mark } = colors;
  const none = { show: false };
  return {
    ...size,
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
