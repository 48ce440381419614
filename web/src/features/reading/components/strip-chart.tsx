import { lazy, Suspense } from "react";

import type { Case } from "@/domain/case";
import styles from "@/features/reading/components/viewer.module.css";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

const StripPlot = lazy(() => import("@/features/reading/components/strip-plot"));

interface StripChartProps {
  one: Case;
  index: number;
  onIndex: (index: number) => void;
  threshold: number | null;
}

/** Tumor probability over the slices of a series. */
export function StripChart({ one, index, onIndex, threshold }: StripChartProps) {
  const t = useMessages();
  const numbers = useNumbers();
  const scores = one.slices.map((slice) => slice.answer.probabilities?.tumor ?? null);
  const highest = Math.max(...scores.map((score) => score ?? 0));
  const summary = t("strip.summary", {
    place: scores.indexOf(highest) + 1,
    probability: numbers.probability(highest),
    above: scores.filter((score) => threshold !== null && (score ?? 0) >= threshold).length,
  });
  return (
    <figure className={styles.strip}>
      <figcaption className="soft small">
        {t("strip.title")} <span className="visually-hidden">{summary}</span>
      </figcaption>
      <Suspense fallback={<p className={styles.plotPlace}>{t("strip.loading")}</p>}>
        <StripPlot scores={scores} index={index} onIndex={onIndex} threshold={threshold} />
      </Suspense>
    </figure>
  );
}
