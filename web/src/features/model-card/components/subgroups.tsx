import type { Evaluation, Metrics } from "@/domain/model-evaluation";
import { setName } from "@/domain/set-name";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import { Folded } from "@/features/model-card/components/folded";
import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

export const SUBGROUPS = [
  "by_set",
  "by_site",
  "by_sequence",
  "by_plane",
  "sensitivity_by_type",
  "sensitivity_by_size",
  "sensitivity_by_place",
] as const;

/** Every part of the test split, good or bad. */
export function Subgroups({ evaluation }: { evaluation: Evaluation }) {
  const t = useMessages();
  const there = SUBGROUPS.filter((name) => evaluation.sections[name]);
  if (there.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="subgroups-title">
      <h2 id="subgroups-title">{t("subgroups.title")}</h2>
      <p>{t("subgroups.lead")}</p>
      {there.map((name) => (
        <Folded key={name} title={t(`by.${name}`)}>
          <SubgroupTable rows={Object.entries(evaluation.sections[name] ?? {})} />
        </Folded>
      ))}
    </section>
  );
}

function SubgroupTable({ rows }: { rows: [string, Metrics][] }) {
  const t = useMessages();
  const numbers = useNumbers();
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">{t("failures.part")}</th>
          <th scope="col">{t("measure.roc_auc")}</th>
          <th scope="col">{t("measure.sensitivity")}</th>
          <th scope="col">{t("measure.specificity")}</th>
          <th scope="col">{t("measure.images")}</th>
          <th scope="col">{t("measure.groups")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, metrics]) => (
          <tr key={name}>
            <th scope="row">{setName(name)}</th>
            {(["roc_auc", "sensitivity", "specificity"] as const).map((metric) => (
              <td key={metric}>
                <EstimateWords one={metrics[metric]} />
              </td>
            ))}
            <td>{numbers.plain(mostOf(metrics, "n_images"))}</td>
            <td>{numbers.plain(mostOf(metrics, "n_groups"))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function mostOf(metrics: Metrics, what: "n_images" | "n_groups"): number {
  return Math.max(0, ...Object.values(metrics).map((one) => one[what]));
}
