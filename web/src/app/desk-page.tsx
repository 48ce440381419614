import { useCases, useUploads } from "@/domain/desk-context";
import { BringIn } from "@/features/desk/components/bring-in";
import { Samples } from "@/features/desk/components/samples";
import { UploadTray } from "@/features/desk/components/upload-tray";
import { Worklist } from "@/features/desk/components/worklist";
import styles from "@/app/desk-page.module.css";
import type { PickedFile } from "@/domain/upload-plan";

export function DeskPage({ onFiles }: { onFiles: (picked: PickedFile[]) => void }) {
  const uploads = useUploads();
  const cases = useCases();
  const isEmpty = uploads.size === 0;
  return (
    <div className={styles.desk}>
      <BringIn onFiles={onFiles} isCompact={!isEmpty} />
      {isEmpty ? <Samples onFiles={onFiles} /> : null}
      <UploadTray uploads={[...uploads.values()]} />
      {cases.size > 0 ? <Worklist cases={cases} /> : null}
    </div>
  );
}
