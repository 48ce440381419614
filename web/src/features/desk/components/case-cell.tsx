import { FileName } from "@/components/case/file-name";
import { OutcomeMark } from "@/components/case/outcome-mark";
import { ProbabilityBar } from "@/components/case/probability-bar";
import { Thumb } from "@/components/case/thumb";
import { answerOf, isHidden, strongestSlice, type Case } from "@/domain/case";
import { useSettings } from "@/domain/settings";
import styles from "@/features/desk/components/case-table.module.css";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

interface CaseColumn {
  id: "picture" | "name" | "outcome" | "probability" | "reader" | "slices";
  width: `${number}fr` | number;
  narrowWidth?: `${number}fr` | number;
  isSortable: boolean;
  /** Shown on a phone, too. */
  isEssential: boolean;
}

export const CASE_COLUMNS: readonly CaseColumn[] = [
  { id: "picture", width: 76, narrowWidth: 64, isSortable: false, isEssential: true },
  { id: "name", width: "3fr", narrowWidth: "1fr", isSortable: true, isEssential: true },
  { id: "outcome", width: "2fr", narrowWidth: "1fr", isSortable: true, isEssential: true },
  { id: "probability", width: "2fr", isSortable: true, isEssential: false },
  { id: "reader", width: "1fr", isSortable: false, isEssential: false },
  { id: "slices", width: 100, isSortable: true, isEssential: false },
];

export function CaseCell({ column, one }: { column: CaseColumn["id"]; one: Case }) {
  switch (column) {
    case "picture":
      return <Thumb slice={one.slices[strongestSlice(one)]} />;
    case "name":
      return <NameCell one={one} />;
    case "outcome":
      return <OutcomeCell one={one} />;
    case "probability":
      return <ProbabilityCell one={one} />;
    case "reader":
      return <ReaderCell one={one} />;
    case "slices":
      return one.slices.length;
  }
}

/** The description where there is one, for the series of a zip have their file in common. */
function NameCell({ one }: { one: Case }) {
  if (!one.description) return <FileName className={styles.name} name={one.name} />;
  return (
    <span className={styles.names}>
      <span className={styles.description}>{one.description}</span>
      <FileName className={styles.source} name={one.name} />
    </span>
  );
}

function OutcomeCell({ one }: { one: Case }) {
  const t = useMessages();
  const blind = useSettings((settings) => settings.blind);
  const answer = answerOf(one);
  if (isHidden(one, blind)) return <span className="soft">{t("outcome.hidden")}</span>;
  if (!answer) return <span className="soft">{t("outcome.pending")}</span>;
  return (
    <span className={styles.outcome}>
      <OutcomeMark outcome={answer.outcome} />
      <Briefly one={one} probability={answer.probabilities?.tumor} />
    </span>
  );
}

/** What the columns say that a phone has no room for. */
function Briefly({ one, probability }: { one: Case; probability: number | undefined }) {
  const t = useMessages();
  const numbers = useNumbers();
  const { verdict } = one.feedback;
  const words = [
    probability === undefined ? "" : numbers.probability(probability),
    verdict ? t(`verdict.${verdict}`) : "",
  ];
  return <span className={styles.briefly}>{words.filter(Boolean).join(" · ")}</span>;
}

function ProbabilityCell({ one }: { one: Case }) {
  const numbers = useNumbers();
  const blind = useSettings((settings) => settings.blind);
  const answer = isHidden(one, blind) ? null : answerOf(one);
  const probability = answer?.probabilities?.tumor;
  if (!answer || probability === undefined) return "–";
  return (
    <span className={styles.probability}>
      <ProbabilityBar
        probability={probability}
        threshold={null}
        isTumor={answer.outcome === "tumor"}
      />
      {numbers.probability(probability)}
    </span>
  );
}

function ReaderCell({ one }: { one: Case }) {
  const t = useMessages();
  const { reading, verdict } = one.feedback;
  if (verdict) return t(`verdict.${verdict}`);
  return reading ? t(`reading.${reading}`) : "–";
}
