import { OutcomeMark } from "@/components/case/outcome-mark";
import { ProbabilityBar } from "@/components/case/probability-bar";
import type { Case } from "@/domain/case";
import { disagreement } from "@/domain/disagreement";
import type { OperatingPoint } from "@/domain/operating-point";
import { useSettings } from "@/domain/settings";
import styles from "@/features/reading/components/answer-panel.module.css";
import type { ImageAnswer, SeriesAnswer } from "@/lib/api/types";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

interface SliceAnswerProps {
  one: Case;
  index: number;
  slice: ImageAnswer;
  series: SeriesAnswer;
  point: OperatingPoint | null;
}

/** The answer for the slice in sight, beside that for its series, and why they may differ. */
export function SliceAnswer({ one, index, slice, series, point }: SliceAnswerProps) {
  const t = useMessages();
  const numbers = useNumbers();
  const voice = useSettings((settings) => settings.voice);
  const probability = slice.probabilities?.tumor;
  const difference = disagreement(series, slice);
  return (
    <section className={styles.slice} aria-labelledby="slice-answer">
      <h3 id="slice-answer" className={styles.kind}>
        {t("answer.slice")}{" "}
        <span className={styles.place}>
          {t("answer.slicePlace", { place: index + 1, count: one.slices.length })}
        </span>
      </h3>
      <div className={styles.probability}>
        <OutcomeMark outcome={slice.outcome} />
        {probability === undefined ? null : (
          <>
            <p className={styles.lesserNumber}>
              {voice === "reader" ? numbers.probability(probability) : numbers.chance(probability)}
            </p>
            <div className={styles.bar}>
              <ProbabilityBar
                probability={probability}
                threshold={point?.threshold ?? null}
                isTumor={slice.outcome === "tumor"}
              />
            </div>
          </>
        )}
      </div>
      {difference ? <p className={styles.why}>{t(`difference.${difference}.${voice}`)}</p> : null}
    </section>
  );
}
