import type { Evaluation } from "@/domain/model-evaluation";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import styles from "@/features/model-card/components/model-room.module.css";
import type { ModelCard } from "@/lib/api/types";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

/** From where on the model leaves a scan open or turns a picture away, and how often it did. */
export function NoAnswer({
  model,
  evaluation,
}: {
  model: ModelCard;
  evaluation: Evaluation | null;
}) {
  const t = useMessages();
  const numbers = useNumbers();
  const { conformal, input_check: check } = model;
  if (!conformal && !check) return null;
  const rows = shares(model, evaluation);
  return (
    <section className={styles.section} aria-labelledby="no-answer-title">
      <h2 id="no-answer-title">{t("noAnswer.title")}</h2>
      {conformal ? (
        <p>
          {t("noAnswer.conformal", {
            coverage: numbers.percent(conformal.coverage),
            tumor: numbers.three(conformal.tumor),
            no_tumor: numbers.three(conformal.no_tumor),
          })}
        </p>
      ) : null}
      {check ? (
        <p>{t("noAnswer.inputCheck", { threshold: numbers.three(check.threshold) })}</p>
      ) : null}
      <table className={styles.table}>
        <tbody>
          {rows.map(([name, one]) =>
            one ? (
              <tr key={name}>
                <th scope="row">{t(`noAnswer.${name}`)}</th>
                <td>
                  <EstimateWords one={one} />
                </td>
              </tr>
            ) : null,
          )}
        </tbody>
      </table>
    </section>
  );
}

function shares({ conformal, input_check: check }: ModelCard, evaluation: Evaluation | null) {
  const measured = conformal ? evaluation?.sections.abstention?.["all images"] : undefined;
  return [
    ["abstained", measured?.abstained],
    ["coverage_tumor", measured?.coverage_tumor],
    ["coverage_no_tumor", measured?.coverage_no_tumor],
    ["rejected", check?.rejected["all kinds"]],
    ["rejected_brain_mr", check?.rejected_brain_mr],
  ] as const;
}
