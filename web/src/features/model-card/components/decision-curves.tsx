import { lazy, Suspense, useMemo } from "react";

import type { DecisionCurve, Evaluation } from "@/domain/model-evaluation";
import type { Curve } from "@/features/model-card/components/curve-plot";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import { Folded } from "@/features/model-card/components/folded";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

const CurvePlot = lazy(() => import("@/features/model-card/components/curve-plot"));

/** Of the highest net benefit: acting on everyone falls far below, where nothing is to be seen. */
const SHOWN_BELOW = 0.25;
const SHOWN_ABOVE = 1.15;

/** Net benefit of acting on the model's answers, beside acting on every image and on none. */
export function DecisionCurves({ evaluation }: { evaluation: Evaluation }) {
  const t = useMessages();
  const curves = evaluation.decisionCurves;
  if (curves.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="decision-title">
      <h2 id="decision-title">{t("decision.title")}</h2>
      <p>{t("decision.lead")}</p>
      <div className={styles.pair}>
        {curves.map((curve) => (
          <OneCurve key={String(curve.isAssumed)} curve={curve} />
        ))}
      </div>
    </section>
  );
}

function OneCurve({ curve }: { curve: DecisionCurve }) {
  const t = useMessages();
  const numbers = useNumbers();
  const { points, prevalence, isAssumed } = curve;
  const x = useMemo(() => points.map(({ threshold }) => threshold), [points]);
  const curves = useMemo<Curve[]>(
    () => [
      {
        name: t("decision.model"),
        color: "mark",
        dash: "solid",
        values: points.map(({ model }) => model.estimate),
        band: {
          low: points.map(({ model }) => model.low),
          high: points.map(({ model }) => model.high),
        },
      },
      {
        name: t("decision.everyone"),
        color: "text",
        dash: "dashed",
        values: points.map(({ everyone }) => everyone),
      },
      { name: t("decision.noOne"), color: "text", dash: "dotted", values: points.map(() => 0) },
    ],
    [points, t],
  );
  const labels = useMemo(() => ({ x: t("decision.threshold"), y: t("decision.net") }), [t]);
  const range = useMemo(() => rangeOf(points), [points]);
  const share = numbers.share(prevalence);
  const title = t(isAssumed ? "decision.assumed" : "decision.own", { share });
  return (
    <div>
      <h3>{title}</h3>
      <Suspense fallback={<div className={styles.plot} />}>
        <CurvePlot x={x} curves={curves} labels={labels} range={range} />
      </Suspense>
      <Folded title={t("decision.table", { share })}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("decision.threshold")}</th>
              <th scope="col">{t("decision.model")}</th>
              <th scope="col">{t("decision.everyone")}</th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ threshold, model, everyone }) => (
              <tr key={threshold}>
                <th scope="row">{numbers.two(threshold)}</th>
                <td>
                  <EstimateWords one={model} />
                </td>
                <td>{numbers.three(everyone)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Folded>
    </div>
  );
}

function rangeOf(points: DecisionCurve["points"]): { x: [number, number]; y: [number, number] } {
  const most = Math.max(...points.map(({ model }) => model.high), Number.EPSILON);
  return { x: [0, 1], y: [-SHOWN_BELOW * most, SHOWN_ABOVE * most] };
}
