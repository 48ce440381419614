import type { Evaluation, Metrics } from "@/domain/model-evaluation";
import { setName } from "@/domain/set-name";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import { SUBGROUPS } from "@/features/model-card/components/subgroups";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

const ROWS_SHOWN = 8;

interface Part {
  section: (typeof SUBGROUPS)[number];
  name: string;
  metrics: Metrics;
}

/** Parts of the test split in which the model errs most, and failures that its makers name. */
export function WeakParts({
  evaluation,
  card,
}: {
  evaluation: Evaluation;
  card: Readonly<Record<string, unknown>>;
}) {
  const t = useMessages();
  const numbers = useNumbers();
  const parts = weakest(evaluation);
  const known = Array.isArray(card.known_failures) ? card.known_failures.map(String) : [];
  return (
    <section className={styles.section} aria-labelledby="failures-title">
      <h2 id="failures-title">{t("failures.title")}</h2>
      {known.length > 0 ? (
        <div>
          <h3>{t("failures.known")}</h3>
          <ul>
            {known.map((words) => (
              <li key={words}>{words}</li>
            ))}
          </ul>
        </div>
      ) : null}
      <p>{t("failures.lead")}</p>
      {/* Focusable so that keys can scroll it where it is wider than the screen. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className={styles.scroll} role="group" aria-labelledby="failures-title" tabIndex={0}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("failures.part")}</th>
              <th scope="col">{t("measure.sensitivity")}</th>
              <th scope="col">{t("measure.specificity")}</th>
              <th scope="col">{t("measure.images")}</th>
            </tr>
          </thead>
          <tbody>
            {parts.map(({ section, name, metrics }) => (
              <tr key={`${section}-${name}`}>
                <th scope="row">
                  {t(`by.${section}`)}: {setName(name)}
                </th>
                <td>
                  <EstimateWords one={metrics.sensitivity} />
                </td>
                <td>
                  <EstimateWords one={metrics.specificity} />
                </td>
                <td>{numbers.plain(imagesOf(metrics))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function weakest(evaluation: Evaluation): Part[] {
  // An institution that is a whole dataset would stand twice.
  const isSet = (section: string, name: string) =>
    section === "by_site" && evaluation.sections.by_set?.[name] !== undefined;
  const parts = SUBGROUPS.flatMap((section) =>
    Object.entries(evaluation.sections[section] ?? {})
      .filter(([name]) => name !== "unknown" && !isSet(section, name))
      .map(([name, metrics]) => ({ section, name, metrics })),
  );
  return parts.toSorted((a, b) => worst(a.metrics) - worst(b.metrics)).slice(0, ROWS_SHOWN);
}

function worst({ sensitivity, specificity }: Metrics): number {
  return Math.min(sensitivity?.estimate ?? 1, specificity?.estimate ?? 1);
}

function imagesOf({ sensitivity, specificity }: Metrics): number {
  return (sensitivity?.n_images ?? 0) + (specificity?.n_images ?? 0);
}
