import { OutcomeForm } from "@/components/case/outcome-mark";
import type { CaseAnswer } from "@/domain/case";
import { useSettings } from "@/domain/settings";
import { headlineOf, sentenceOf } from "@/domain/telling";
import styles from "@/features/reading/components/answer-panel.module.css";
import { useMessages } from "@/messages/use-messages";

interface OutcomeWordsProps {
  answer: CaseAnswer;
  /** Slices of the series that would be called a tumor if each stood alone. */
  marked: number;
}

/** The outcome, in the voice that the reader chose. */
export function OutcomeWords({ answer, marked }: OutcomeWordsProps) {
  const t = useMessages();
  const voice = useSettings((settings) => settings.voice);
  return (
    <div className={styles.outcome} data-outcome={answer.outcome}>
      <h3 className={styles.headline}>
        <OutcomeForm outcome={answer.outcome} />
        {t(headlineOf(answer, voice, marked))}
      </h3>
      <p>{t(sentenceOf(answer, voice, marked), { count: marked })}</p>
      <Reasons answer={answer} />
      {voice === "plain" ? <p className={styles.advice}>{t("answer.advice")}</p> : null}
    </div>
  );
}

function Reasons({ answer }: { answer: CaseAnswer }) {
  const t = useMessages();
  if (answer.reasons.length === 0) return null;
  return (
    <div>
      <p className={styles.label}>{t("answer.reasons")}</p>
      <ul className={styles.reasons}>
        {answer.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </div>
  );
}
