import { ProbabilityBar } from "@/components/case/probability-bar";
import { TUMOR_TYPES } from "@/domain/answer";
import { answerOf, markedSlices, type Case, type CaseAnswer } from "@/domain/case";
import type { OperatingPoint } from "@/domain/operating-point";
import { useSettings } from "@/domain/settings";
import styles from "@/features/reading/components/answer-panel.module.css";
import { OutcomeWords } from "@/features/reading/components/outcome-words";
import { SliceAnswer } from "@/features/reading/components/slice-answer";
import type { MessageKey } from "@/messages/catalogue";
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
  const name = nameOf(answer, one.slices.length);
  return (
    <div className={styles.answer}>
      {whole ? null : <p role="status">{t("answer.pending")}</p>}
      {name ? <p className={styles.kind}>{t(name)}</p> : null}
      <OutcomeWords answer={answer} marked={markedSlices(one)} />
      <Probability answer={answer} point={point} />
      {voice === "reader" ? <ReaderFacts answer={answer} point={point} /> : null}
      <FailedSlices answer={answer} />
      {answer.kind === "series" && slice ? (
        <SliceAnswer {...{ one, index, slice, point }} series={answer} />
      ) : null}
    </div>
  );
}

/** What the answer is of; nothing where there is but one picture. */
function nameOf(answer: CaseAnswer, slices: number): MessageKey | null {
  if (answer.kind === "series") return "answer.series";
  return slices > 1 ? "answer.slice" : null;
}

interface ProbabilityProps {
  answer: CaseAnswer;
  point: OperatingPoint | null;
}

function Probability({ answer, point }: ProbabilityProps) {
  const t = useMessages();
  const numbers = useNumbers();
  const pointName = usePointName();
  const voice = useSettings((settings) => settings.voice);
  const probability = answer.probabilities?.tumor;
  if (probability === undefined) return null;
  return (
    <div className={styles.probability}>
      <p className={styles.label}>{t("answer.probability")}</p>
      <p className={styles.number}>
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
      <Sequence answer={answer} />
      {point?.measured && answer.probabilities ? (
        <p className={styles.note}>
          {t("answer.intervals", {
            sensitivity: numbers.interval(point.measured.sensitivity),
            specificity: numbers.interval(point.measured.specificity),
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

/** What the image shows, and whether the header or the pixels say so. */
function Sequence({ answer }: { answer: CaseAnswer }) {
  const t = useMessages();
  const { name, from } = answer.sequence;
  if (name === null || from === null) return null;
  const plane = answer.plane === null ? "" : `, ${t(`plane.${answer.plane}`)}`;
  const sequence = name === "other" ? t("sequence.other") : name;
  return (
    <p className={styles.note}>
      {t(`answer.sequence.${from}`, { sequence: `${sequence}${plane}` })}
    </p>
  );
}

function FailedSlices({ answer }: { answer: CaseAnswer }) {
  const t = useMessages();
  if (answer.kind !== "series" || answer.failed_slices === 0) return null;
  return <p className={styles.note}>{t("answer.failed", { count: answer.failed_slices })}</p>;
}
