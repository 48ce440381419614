import {
  Cell,
  Column,
  Row,
  Table,
  TableBody,
  TableHeader,
  type SortDescriptor,
} from "react-aria-components/Table";
import { TableLayout, Virtualizer } from "react-aria-components/Virtualizer";
import { useLocation } from "wouter";

import { Face } from "@/components/ui/face";
import { isHidden, type Case } from "@/domain/case";
import { useSettings } from "@/domain/settings";
import { byStudy } from "@/domain/worklist";
import { CASE_COLUMNS, CaseCell } from "@/features/desk/components/case-cell";
import styles from "@/features/desk/components/case-table.module.css";
import { useMedia } from "@/components/use-media";
import { useRootSize } from "@/components/use-root-size";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

interface CaseTableProps {
  cases: Case[];
  sort: SortDescriptor;
  onSort: (sort: SortDescriptor) => void;
}

/** Heights in root ems, which the virtual rows need to know. */
const ROW = 3.6;
const NARROW_ROW = 4.8;
const HEADING = 2.4;
const BORDERS = 2;

/** Only the rows in sight are in the document, so that hundreds stay quick. */
export function CaseTable({ cases, sort, onSort }: CaseTableProps) {
  const t = useMessages();
  const [, navigate] = useLocation();
  const isNarrow = useMedia("(max-width: 48rem)");
  const rootSize = useRootSize();
  const [row, heading] = [(isNarrow ? NARROW_ROW : ROW) * rootSize, HEADING * rootSize];
  const rows = rowsOf(cases);
  const columns = CASE_COLUMNS.filter((column) => !isNarrow || column.isEssential);
  return (
    <Virtualizer layout={TableLayout} layoutOptions={{ rowHeight: row, headingHeight: heading }}>
      <Table
        // Rows are kept with their cells, which a turned phone has less of.
        key={columns.length}
        aria-label={t("worklist.title")}
        className={styles.table}
        // One row at least, for the words that stand where there is none.
        style={{ height: heading + Math.max(2.5, rows.length) * row + BORDERS }}
        disabledKeys={rows.flatMap((one) => (one.kind === "study" ? [one.id] : []))}
        sortDescriptor={sort}
        onSortChange={onSort}
        onRowAction={(key) => {
          navigate(`/read/${key}`);
        }}
      >
        <TableHeader columns={columns}>
          {(column) => (
            <Column
              id={column.id}
              isRowHeader={column.id === "name"}
              allowsSorting={column.isSortable}
              defaultWidth={isNarrow ? column.narrowWidth : column.width}
              className={styles.column}
            >
              {({ sortDirection }) => (
                <>
                  {t(`column.${column.id}`)}
                  <span aria-hidden="true">{SORT_SIGNS[sortDirection ?? "none"]}</span>
                </>
              )}
            </Column>
          )}
        </TableHeader>
        <TableBody
          items={rows}
          // Rows are drawn anew where their item is another one, or one of these.
          dependencies={[t, columns.length]}
          renderEmptyState={() => <Face title={t("worklist.none")} />}
        >
          {(item) =>
            item.kind === "study" ? (
              <Row id={item.id} className={styles.study}>
                <Cell colSpan={columns.length} className={styles.studyCell}>
                  <span className={styles.studyName}>
                    {t("worklist.study", { place: item.place, count: item.cases.length })}
                  </span>
                  <StudyOutcome cases={item.cases} />
                </Cell>
              </Row>
            ) : (
              <Row id={item.id} columns={columns} className={styles.row}>
                {(column) => (
                  <Cell className={styles.cell}>
                    <CaseCell column={column.id} one={item.one} />
                  </Cell>
                )}
              </Row>
            )
          }
        </TableBody>
      </Table>
    </Virtualizer>
  );
}

type TableItem =
  | { kind: "case"; id: string; one: Case }
  | { kind: "study"; id: string; place: number; cases: Case[] };

/** The answer over all series of a study; none in blind mode until all of them have been read. */
function StudyOutcome({ cases }: { cases: Case[] }) {
  const t = useMessages();
  const numbers = useNumbers();
  const blind = useSettings((settings) => settings.blind);
  const answer = cases[0]?.studyAnswer;
  if (!answer || cases.some((one) => isHidden(one, blind))) return null;
  const probability = answer.probabilities?.tumor;
  return (
    <span className="small">
      {t(`outcome.${answer.outcome}`)}
      {probability === undefined ? null : ` ${numbers.probability(probability)}`}
    </span>
  );
}

const knownRows = new WeakMap<Case, TableItem>();

/** The same item for the same case, by which the table knows that nothing of it has changed. */
function rowOf(one: Case): TableItem {
  const row = knownRows.get(one) ?? { kind: "case", id: one.id, one };
  knownRows.set(one, row);
  return row;
}

/** The cases, and above those of a study with several series its heading. */
function rowsOf(cases: Case[]): TableItem[] {
  let place = 0;
  return byStudy(cases).flatMap(({ study, cases: members }) => {
    const rows = members.map(rowOf);
    if (study === null) return rows;
    place += 1;
    return [{ kind: "study", id: `study-${study}`, place, cases: members }, ...rows];
  });
}

const SORT_SIGNS = { ascending: " ↑", descending: " ↓", none: "" };
