import { useCallback, useEffect, useMemo, useRef } from "react";
import type UPlot from "uplot";

import styles from "@/features/model-card/components/model-room.module.css";
import { axisOf, usePlot, type Colors } from "@/features/model-card/components/use-plot";

const DASHES = { solid: [], dashed: [8, 5], dotted: [2, 4] };
const LINE_WIDTH = 2;

export interface Curve {
  name: string;
  color: "mark" | "evidence" | "text";
  dash: keyof typeof DASHES;
  values: number[];
  /** Ends of the interval of each value. */
  band?: { low: number[]; high: number[] };
}

export interface CurvePlotProps {
  x: number[];
  curves: Curve[];
  labels: { x: string; y: string };
  range: { x: [number, number]; y: [number, number] };
  /** Of the horizontal axis, where its numbers are not what is to be read. */
  ticks?: { at: number; label: string }[];
  /** Value of x at which a line stands. */
  at?: number;
}

/** Curves with bands over one axis; a table beside it says the same. All props must be stable. */
export default function CurvePlot({ x, curves, labels, range, ticks, at }: CurvePlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const place = useRef(at);
  const data = useMemo<UPlot.AlignedData>(
    () => [
      x,
      ...curves.flatMap(({ values, band }) => (band ? [values, band.low, band.high] : [values])),
    ],
    [x, curves],
  );
  const make = useCallback(
    (size: { width: number; height: number }, colors: Colors): UPlot.Options => {
      const axis = axisOf(colors);
      const none = { show: false };
      return {
        ...size,
        legend: none,
        cursor: none,
        scales: { x: { time: false, range: range.x }, y: { range: range.y } },
        axes: [
          {
            ...axis,
            label: labels.x,
            labelFont: axis.font,
            ...(ticks
              ? { splits: ticks.map((one) => one.at), values: ticks.map((one) => one.label) }
              : {}),
          },
          { ...axis, label: labels.y, labelFont: axis.font, size: 48 },
        ],
        series: [{}, ...curves.flatMap((curve) => seriesOf(curve, colors))],
        bands: bandsOf(curves, colors),
        hooks: {
          draw: [
            (plot) => {
              drawLine(plot, place.current, colors.text);
            },
          ],
        },
      };
    },
    [curves, labels, range, ticks],
  );
  const plot = usePlot(holder, make, data);
  useEffect(() => {
    place.current = at;
    plot.current?.redraw(false);
  }, [plot, at]);
  return (
    <div>
      <div ref={holder} className={styles.plot} aria-hidden="true" />
      <Legend curves={curves} />
    </div>
  );
}

function seriesOf({ color, dash, band }: Curve, colors: Colors): UPlot.Series[] {
  const points = { show: false };
  const line = { stroke: colors[color], width: LINE_WIDTH, dash: DASHES[dash], points };
  return band ? [line, { points }, { points }] : [line];
}

function bandsOf(curves: Curve[], colors: Colors): UPlot.Band[] {
  let series = 1;
  return curves.flatMap(({ band, color }) => {
    const first = series;
    series += band ? 3 : 1;
    return band ? [{ series: [first + 2, first + 1], fill: faint(colors[color]) }] : [];
  });
}

/** A computed color, mostly transparent. */
function faint(color: string): string {
  return color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.18)");
}

function drawLine(plot: UPlot, at: number | undefined, color: string): void {
  if (at === undefined) return;
  const { ctx, bbox } = plot;
  const x = plot.valToPos(at, "x", true);
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function Legend({ curves }: { curves: Curve[] }) {
  return (
    <ul className={styles.legend}>
      {curves.map(({ name, color, dash }) => (
        <li key={name}>
          <svg width="32" height="8" aria-hidden="true" className={styles[color]}>
            <line
              x1="0"
              y1="4"
              x2="32"
              y2="4"
              stroke="currentColor"
              strokeWidth={LINE_WIDTH}
              strokeDasharray={DASHES[dash].join(" ")}
            />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
