import styles from "@/features/model-card/components/model-room.module.css";
import { useMessages } from "@/messages/use-messages";

const PARTS = ["uses", "users", "not", "before"] as const;

/** Of the model card, what no figure says. */
export function IntendedUse() {
  const t = useMessages();
  return (
    <section className={styles.section} aria-labelledby="intended-title">
      <h2 id="intended-title">{t("intended.title")}</h2>
      <dl className={styles.identity}>
        {PARTS.map((part) => (
          <div key={part} className={styles.entry}>
            <dt>{t(`intended.${part}`)}</dt>
            <dd>{t(`intended.${part}.text`)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
