import { useCalmCases, useUploads } from "@/domain/desk-context";
import { READ_NAMES } from "@/domain/formats.gen";
import { BringIn } from "@/features/desk/components/bring-in";
import { Samples } from "@/features/desk/components/samples";
import { UploadTray } from "@/features/desk/components/upload-tray";
import { Worklist } from "@/features/desk/components/worklist";
import { useMessages } from "@/messages/use-messages";
import styles from "@/app/desk-page.module.css";
import type { PickedFile } from "@/domain/upload-plan";

interface DeskPageProps {
  onFiles: (picked: PickedFile[]) => void;
  /** What was brought in last held nothing to read. */
  wasEmpty: boolean;
}

export function DeskPage({ onFiles, wasEmpty }: DeskPageProps) {
  const t = useMessages();
  const uploads = useUploads();
  const cases = useCalmCases();
  const isEmpty = uploads.size === 0;
  const formats = t("bringIn.formats", { formats: READ_NAMES.join(", ") });
  return (
    <div className={styles.desk}>
      <BringIn onFiles={onFiles} isCompact={!isEmpty} />
      {wasEmpty ? <p role="alert">{t("bringIn.nothing", { formats })}</p> : null}
      {isEmpty ? <Samples onFiles={onFiles} /> : null}
      <UploadTray uploads={[...uploads.values()]} />
      {cases.size > 0 ? <Worklist cases={cases} /> : null}
    </div>
  );
}
