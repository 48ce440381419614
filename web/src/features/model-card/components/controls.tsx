import type { Evaluation } from "@/domain/model-evaluation";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";

/** Answers from things that are no brain: file size, frame, area. */
export function Controls({ evaluation }: { evaluation: Evaluation }) {
  const t = useMessages();
  const rows = Object.entries(evaluation.sections.controls ?? {});
  if (rows.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="controls-title">
      <h2 id="controls-title">{t("controls.title")}</h2>
      <p>{t("controls.lead")}</p>
      <table className={styles.table}>
        <thead>
          <tr>
            <td />
            <th scope="col">{t("measure.roc_auc")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, metrics]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <EstimateWords one={metrics.roc_auc} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
