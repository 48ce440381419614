import { ProbabilityBar } from "@/components/case/probability-bar";
import { TUMOR_TYPES } from "@/domain/answer";
import { answerOf, type Case, type CaseAnswer } from "@/domain/case";
import type { OperatingPoint } from "@/domain/operating-point";
import { useSettings } from "@/domain/settings";
import styles from "@/features/reading/components/answer-panel.module.css";
import { OutcomeWords } from "@/features/reading/components/outcome-words";
import { usePointName } from "@/messages/use-point-name";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

interface AnswerPanelProps {
  one: Case;
  index: number;
  point: OperatingPoint | null;
}

export function AnswerPanel({ one, index, point }: AnswerPanelProps) {
  const t = useMessages();
  const voice = useSettings((settings) => settings.voice);
  const whole = answerOf(one);
  const slice = one.slices[index]?.answer;
  const answer = whole ?? (one.complete ? null : slice);
  if (!answer) return null;
  const sliceBeside = answer.kind === "series" ? slice : undefined;
  return (
    <div className={styles.answer}>
      {whole ? null : <p role="status">{t("answer.pending")}</p>}
      <OutcomeWords answer={answer} />
      <Probability answer={answer} point={point} name={sliceBeside ? t("answer.series") : ""} />
      {sliceBeside ? (
        <Probability answer={sliceBeside} point={null} name={t("answer.slice")} />
      ) : null}
      {voice === "reader" ? <ReaderFacts answer={answer} point={point} /> : null}
      <FailedSlices answer={answer} />
    </div>
  );
}

interface ProbabilityProps {
  answer: CaseAnswer;
  point: OperatingPoint | null;
  name: string;
}

function Probability({ answer, point, name }: ProbabilityProps) {
  const t = useMessages();
  const numbers = useNumbers();
  const pointName = usePointName();
  const voice = useSettings((settings) => settings.voice);
  const probability = answer.probabilities?.tumor;
  if (probability === undefined) return null;
  return (
    <div className={styles.probability}>
      <p className={styles.label}>
        {name ? `${name}: ` : ""}
        {t("answer.probability")}
      </p>
      <p className={point || !name ? styles.number : styles.lesserNumber}>
        {voice === "reader" ? numbers.probability(probability) : numbers.chance(probability)}
      </p>
      <div className={styles.bar}>
        <ProbabilityBar
          probability={probability}
          threshold={point?.threshold ?? null}
          isTumor={answer.outcome === "tumor"}
        />
      </div>
      {point ? (
        <p className={styles.note}>
          {voice === "reader"
            ? t("answer.threshold", {
                name: pointName(point.name),
                value: numbers.three(point.threshold),
              })
            : t("answer.thresholdPlain")}
        </p>
      ) : null}
    </div>
  );
}

function ReaderFacts({ answer, point }: { answer: CaseAnswer; point: OperatingPoint | null }) {
  const t = useMessages();
  const numbers = useNumbers();
  const mayBeTumor = answer.outcome === "tumor" || answer.prediction_set.includes("tumor");
  const types = mayBeTumor ? answer.type_probabilities : null;
  const set = answer.prediction_set.map((name) => t(`class.${name}`)).join(", ");
  const interval = (one: { low: number; high: number; estimate: number }) =>
    `${numbers.two(one.estimate)} (${numbers.two(one.low)}–${numbers.two(one.high)})`;
  return (
    <>
      {answer.probabilities ? (
        <p className={styles.fact}>
          <span className={styles.label}>{t("answer.set")}</span>{" "}
          {`{ ${set || t("answer.set.empty")} }`}
        </p>
      ) : null}
      {types ? (
        <div>
          <p className={styles.label}>{t("answer.types")}</p>
          <ul className={styles.types}>
            {TUMOR_TYPES.map((type) => (
              <li key={type}>
                <span>{t(`type.${type}`)}</span>
                <ProbabilityBar probability={types[type]} threshold={null} isTumor={false} />
                <span>{numbers.two(types[type])}</span>
              </li>
            ))}
          </ul>
          <p className={styles.note}>{t("answer.types.note")}</p>
        </div>
      ) : null}
      {point?.measured && answer.probabilities ? (
        <p className={styles.note}>
          {t("answer.intervals", {
            sensitivity: interval(point.measured.sensitivity),
            specificity: interval(point.measured.specificity),
          })}
        </p>
      ) : null}
      <p className={styles.note}>
        {t("answer.model", {
          id: answer.model.id,
          version: answer.model.version,
          sha: answer.model.sha256.slice(0, 12),
        })}
      </p>
    </>
  );
}

function FailedSlices({ answer }: { answer: CaseAnswer }) {
  const t = useMessages();
  if (answer.kind !== "series" || answer.failed_slices === 0) return null;
  return <p className={styles.note}>{t("answer.failed", { count: answer.failed_slices })}</p>;
}
