import { lazy, Suspense } from "react";

import type { Evaluation } from "@/domain/model-evaluation";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import { Folded } from "@/features/model-card/components/folded";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

const ReliabilityPlot = lazy(() => import("@/features/model-card/components/reliability-plot"));

export function Reliability({ evaluation }: { evaluation: Evaluation }) {
  const t = useMessages();
  const numbers = useNumbers();
  if (evaluation.reliability.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="reliability-title">
      <h2 id="reliability-title">{t("reliability.title")}</h2>
      <p>{t("reliability.lead")}</p>
      <Suspense fallback={<div className={styles.plot} />}>
        <ReliabilityPlot bins={evaluation.reliability} />
      </Suspense>
      <Folded title={t("reliability.table")}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("reliability.score")}</th>
              <th scope="col">{t("reliability.observed")}</th>
              <th scope="col">{t("measure.images")}</th>
            </tr>
          </thead>
          <tbody>
            {evaluation.reliability.map(({ score, observed }) => (
              <tr key={score}>
                <th scope="row">{numbers.three(score)}</th>
                <td>
                  <EstimateWords one={observed} />
                </td>
                <td>{numbers.plain(observed.n_images)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Folded>
    </section>
  );
}
