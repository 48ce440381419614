import styles from "@/features/model-card/components/model-room.module.css";
import type { Split } from "@/features/model-card/read-splits";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

export function TrainingData({ splits }: { splits: Split[] }) {
  const t = useMessages();
  const numbers = useNumbers();
  if (splits.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="training-title">
      <h2 id="training-title">{t("training.title")}</h2>
      {/* Focusable so that keys can scroll it where it is wider than the screen. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className={styles.scroll} role="group" aria-labelledby="training-title" tabIndex={0}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("training.split")}</th>
              <th scope="col">{t("measure.images")}</th>
              <th scope="col">{t("measure.groups")}</th>
              <th scope="col">{t("training.tumor")}</th>
              <th scope="col">{t("training.no_tumor")}</th>
              <th scope="col">{t("training.sets")}</th>
            </tr>
          </thead>
          <tbody>
            {splits.map((split) => (
              <tr key={split.name}>
                <th scope="row">{split.name}</th>
                <td>{numbers.plain(split.images)}</td>
                <td>{numbers.plain(split.groups)}</td>
                <td>{numbers.plain(split.tumor)}</td>
                <td>{numbers.plain(split.noTumor)}</td>
                <td className={styles.sets}>{split.sets.join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
