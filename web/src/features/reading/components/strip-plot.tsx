import { useEffect, useEffectEvent, useRef } from "react";
import UPlot from "uplot";

import "uplot/dist/uPlot.min.css";
import styles from "@/features/reading/components/viewer.module.css";
import { useSize } from "@/components/use-size";

interface StripPlotProps {
  scores: (number | null)[];
  index: number;
  onIndex: (index: number) => void;
  threshold: number | null;
}

const HEIGHT = 110;
const EVIDENCE = "#f0ae4d";
const SOFT = "#a9aaa4";

export default function StripPlot({ scores, index, onIndex, threshold }: StripPlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const { width } = useSize(holder);
  const current = useEffectEvent(() => ({ index, threshold }));
  const jump = useEffectEvent((place: number) => {
    onIndex(Math.min(scores.length - 1, Math.max(0, place)));
  });

  useEffect(() => {
    const element = holder.current;
    if (!element || width === 0) return;
    const made = new UPlot(optionsFor(width, current), [[], []], element);
    made.over.addEventListener("click", (event) => {
      jump(Math.round(made.posToVal(event.offsetX, "x")) - 1);
    });
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [width]);

  useEffect(() => {
    plot.current?.setData([scores.map((_, place) => place + 1), scores]);
  }, [scores, width]);

  useEffect(() => {
    plot.current?.redraw(false);
  }, [index, threshold]);

  // The caption says in words what is drawn; the slice slider does what a click does.
  return <div ref={holder} className={styles.plotPlace} aria-hidden="true" />;
}

function optionsFor(
  width: number,
  current: () => { index: number; threshold: number | null },
): UPlot.Options {
  const axis = { stroke: SOFT, font: "11px system-ui", grid: { stroke: "#ffffff18", width: 1 } };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] },
      y: { range: [0, 1] },
    },
    axes: [
      { ...axis, size: 24, incrs: [1, 2, 5, 10, 20, 50, 100] },
      { ...axis, size: 34, incrs: [0.5] },
    ],
    series: [
      {},
      { stroke: EVIDENCE, width: 2, fill: `${EVIDENCE}22`, points: { size: 5, fill: EVIDENCE } },
    ],
    hooks: {
      draw: [
        (plot) => {
          drawMarks(plot, current());
        },
      ],
    },
  };
}

/** The operating point as a dashed line, the slice in sight as an upright one. */
function drawMarks(plot: UPlot, { index, threshold }: { index: number; threshold: number | null }) {
  const { ctx, bbox } = plot;
  const line = (x0: number, y0: number, x1: number, y1: number) => {
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.stroke();
  };
  ctx.save();
  ctx.strokeStyle = "#e8e4da";
  ctx.lineWidth = 1.5 * devicePixelRatio;
  const x = plot.valToPos(index + 1, "x", true);
  line(x, bbox.top, x, bbox.top + bbox.height);
  if (threshold !== null) {
    ctx.setLineDash([6, 5]);
    ctx.lineWidth = devicePixelRatio;
    const y = plot.valToPos(threshold, "y", true);
    line(bbox.left, y, bbox.left + bbox.width, y);
  }
  ctx.restore();
}
