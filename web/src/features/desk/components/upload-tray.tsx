import { Button } from "@/components/ui/button";
import { Progress } from "@/components/ui/progress";
import type { Upload } from "@/domain/case";
import { useDesk } from "@/domain/desk-context";
import { UploadRow } from "@/features/desk/components/upload-row";
import styles from "@/features/desk/components/upload-tray.module.css";
import { useMessages } from "@/messages/use-messages";

/** Rows that are drawn; with hundreds of uploads the overall bar tells the rest. */
const ROWS_SHOWN = 12;

export function UploadTray({ uploads }: { uploads: Upload[] }) {
  const t = useMessages();
  const { uploader } = useDesk();
  const open = uploads.filter(isOpen);
  const shown = uploads.filter(needsAttention).toSorted(byUrgency);
  if (shown.length === 0) return null;
  const done = uploads.length - open.length;
  return (
    <section className={styles.tray} aria-labelledby="tray-title">
      <div className={styles.head}>
        <h2 id="tray-title">{t("uploads.title")}</h2>
        {open.length > 1 ? (
          <Button
            tone="ghost"
            onPress={() => {
              for (const one of open) uploader.cancel(one.id);
            }}
          >
            {t("uploads.cancelAll")}
          </Button>
        ) : null}
      </div>
      {uploads.length > 1 && open.length > 0 ? (
        <div>
          <Progress label={t("uploads.title")} fraction={done / uploads.length} />
          <p className="soft small">{t("uploads.all", { done, total: uploads.length })}</p>
        </div>
      ) : null}
      <ul className={styles.list}>
        {shown.slice(0, ROWS_SHOWN).map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
      </ul>
      {shown.length > ROWS_SHOWN ? (
        <p className="soft small">{t("uploads.more", { count: shown.length - ROWS_SHOWN })}</p>
      ) : null}
    </section>
  );
}

export function isOpen(upload: Upload): boolean {
  return ["waiting", "sending", "held", "working"].includes(upload.state.kind);
}

function needsAttention(upload: Upload): boolean {
  return upload.state.kind !== "done" || upload.refusals.length > 0;
}

const URGENCY: Record<Upload["state"]["kind"], number> = {
  failed: 0,
  held: 1,
  working: 2,
  sending: 3,
  done: 4,
  waiting: 5,
  cancelled: 6,
};

function byUrgency(a: Upload, b: Upload): number {
  return URGENCY[a.state.kind] - URGENCY[b.state.kind];
}
