import { FileTrigger } from "react-aria-components/FileTrigger";

import { Button } from "@/components/ui/button";
import styles from "@/features/desk/components/bring-in.module.css";
import { readInput } from "@/features/desk/read-drop";
import { READ_NAMES } from "@/domain/formats.gen";
import type { PickedFile } from "@/domain/upload-plan";
import { useMessages } from "@/messages/use-messages";

const READ = READ_NAMES.join(", ");

interface BringInProps {
  onFiles: (picked: PickedFile[]) => void;
  /** Small, once there is something on the desk. */
  isCompact: boolean;
}

export function BringIn({ onFiles, isCompact }: BringInProps) {
  const t = useMessages();
  const take = (files: FileList | null) => {
    if (files) onFiles(readInput(files));
  };
  return (
    <section className={isCompact ? styles.compact : styles.open} aria-labelledby="bring-in-title">
      <div className={styles.words}>
        <h1 id="bring-in-title">{t("bringIn.title")}</h1>
        <p className="soft">{t(isCompact ? "bringIn.leadShort" : "bringIn.lead")}</p>
      </div>
      <div className={styles.buttons}>
        <FileTrigger allowsMultiple onSelect={take}>
          <Button tone="main" icon="file">
            {t("bringIn.files")}
          </Button>
        </FileTrigger>
        <FileTrigger acceptDirectory onSelect={take}>
          <Button icon="folder">{t("bringIn.folder")}</Button>
        </FileTrigger>
      </div>
      {isCompact ? null : <p className="soft small">{t("bringIn.formats", { formats: READ })}</p>}
    </section>
  );
}
