import styles from "@/features/model-card/components/model-room.module.css";
import type { ModelCard } from "@/lib/api/types";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

const MEBIBYTE = 1024 * 1024;

export function ServiceLimits({ model: { limits, formats } }: { model: ModelCard }) {
  const t = useMessages();
  const numbers = useNumbers();
  const mebibytes = (bytes: number) => `${numbers.plain(bytes / MEBIBYTE)} MiB`;
  return (
    <section className={styles.section} aria-labelledby="limits-title">
      <h2 id="limits-title">{t("limits.title")}</h2>
      <p>
        {t("limits.lead", {
          file: mebibytes(limits.file_bytes),
          job: mebibytes(limits.job_bytes),
          files: limits.job_files,
          slices: limits.job_slices,
        })}{" "}
        {t("limits.formats", { formats: formats.join(", ") })}
      </p>
    </section>
  );
}
