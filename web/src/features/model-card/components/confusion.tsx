import { clsx } from "clsx";
import { useState } from "react";
import { Button } from "react-aria-components/Button";

import { SectionDialog } from "@/components/ui/section-dialog";
import type { Evaluation } from "@/domain/model-evaluation";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";
import { usePointName } from "@/messages/use-point-name";

const CLASSES = ["tumor", "no_tumor"] as const;
type ClassName = (typeof CLASSES)[number];

interface CellContent {
  truth: ClassName;
  call: ClassName;
  count: number;
  /** Images of that truth. */
  total: number;
}

export function Confusion({ evaluation }: { evaluation: Evaluation }) {
  const t = useMessages();
  const pointName = usePointName();
  const [open, setOpen] = useState<CellContent | null>(null);
  const rows = CLASSES.map((truth, row) => {
    const counts = evaluation.confusion[row] ?? [];
    const total = counts.reduce((sum, count) => sum + count, 0);
    return CLASSES.map((call, column) => ({ truth, call, count: counts[column] ?? 0, total }));
  });
  if (evaluation.confusion.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="confusion-title">
      <h2 id="confusion-title">{t("confusion.title")}</h2>
      <p>{t("confusion.lead", { point: pointName(evaluation.operatingPoint) })}</p>
      <table className={styles.matrix}>
        <thead>
          <tr>
            <td />
            {CLASSES.map((call) => (
              <th key={call} scope="col">
                {t("confusion.call")}: {t(`class.${call}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={CLASSES[row]}>
              <th scope="row">
                {t("confusion.truth")}: {t(`class.${CLASSES[row] ?? "tumor"}`)}
              </th>
              {cells.map((cell) => (
                <td key={cell.call}>
                  <Cell cell={cell} onOpen={setOpen} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {open ? (
        <CellDialog
          cell={open}
          examples={evaluation.examples.filter(
            (one) => one.truth === open.truth && one.call === open.call,
          )}
          onClose={() => {
            setOpen(null);
          }}
        />
      ) : null}
    </section>
  );
}

function useCellWords(): (cell: CellContent) => string {
  const t = useMessages();
  return ({ count, truth, call }) =>
    t("confusion.cell", { count, truth: t(`class.${truth}`), call: t(`class.${call}`) });
}

function Cell({ cell, onOpen }: { cell: CellContent; onOpen: (cell: CellContent) => void }) {
  const words = useCellWords();
  const numbers = useNumbers();
  return (
    <Button
      className={clsx(styles.cell, cell.truth !== cell.call && styles.wrong)}
      aria-label={words(cell)}
      onPress={() => {
        onOpen(cell);
      }}
    >
      {numbers.plain(cell.count)}
    </Button>
  );
}

interface CellDialogProps {
  cell: CellContent;
  examples: Evaluation["examples"];
  onClose: () => void;
}

function CellDialog({ cell, examples, onClose }: CellDialogProps) {
  const t = useMessages();
  const numbers = useNumbers();
  const words = useCellWords();
  return (
    <SectionDialog title={words(cell)} isOpen onClose={onClose}>
      <p>
        {t("confusion.share", {
          share: numbers.percent(cell.count / Math.max(1, cell.total)),
          total: cell.total,
          truth: t(`class.${cell.truth}`),
        })}
      </p>
      {examples.length === 0 ? <p className="soft">{t("confusion.noExamples")}</p> : null}
      <ul>
        {examples.map((one, place) => (
          <li key={`${one.words}-${place}`}>
            {one.words}: {numbers.probability(one.probability)}
          </li>
        ))}
      </ul>
    </SectionDialog>
  );
}
