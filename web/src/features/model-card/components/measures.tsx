import type { Estimate, Evaluation } from "@/domain/model-evaluation";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";
import { usePointName } from "@/messages/use-point-name";

const SHOWN = [
  "sensitivity",
  "specificity",
  "balanced_accuracy",
  "roc_auc",
  "average_precision",
  "expected_calibration_error",
  "brier_score",
] as const;

export function Measures({ evaluation }: { evaluation: Evaluation }) {
  const t = useMessages();
  const pointName = usePointName();
  const overall = evaluation.sections.overall?.["all images"] ?? {};
  const located = evaluation.sections.localization?.["true positives with a mask"] ?? {};
  const rows = [
    ...SHOWN.map((name) => [name, overall[name]] as const),
    ["peak_in_mask", located.peak_in_mask] as const,
  ].filter((row): row is readonly [(typeof row)[0], Estimate] => row[1] !== undefined);
  return (
    <section className={styles.section} aria-labelledby="measures-title">
      <h2 id="measures-title">{t("measures.title")}</h2>
      <p>
        {t("measures.lead", {
          images: evaluation.nImages,
          groups: evaluation.nGroups,
          point: pointName(evaluation.operatingPoint),
        })}
      </p>
      <table className={styles.table}>
        <tbody>
          {rows.map(([name, one]) => (
            <tr key={name}>
              <th scope="row">{t(`measure.${name}`)}</th>
              <td>
                <EstimateWords one={one} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
