import { useEffect, useEffectEvent, useState } from "react";

import styles from "@/features/desk/components/drop-layer.module.css";
import { readTransfer } from "@/features/desk/read-drop";
import type { PickedFile } from "@/domain/upload-plan";
import { useMessages } from "@/messages/use-messages";

/** Takes files that are dropped or pasted anywhere on the page. */
export function DropLayer({ onFiles }: { onFiles: (picked: PickedFile[]) => void }) {
  const t = useMessages();
  const [isOver, setOver] = useState(false);
  const take = useEffectEvent((transfer: DataTransfer | null) => {
    if (transfer && hasFiles(transfer)) void readTransfer(transfer).then(onFiles);
  });

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const over = (event: DragEvent) => {
      if (!event.dataTransfer || !hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      setOver(true);
    };
    window.addEventListener("dragenter", over, { signal });
    window.addEventListener("dragover", over, { signal });
    window.addEventListener(
      "dragleave",
      (event) => {
        // Leaving the window, not just one element for another.
        if (event.relatedTarget === null) setOver(false);
      },
      { signal },
    );
    window.addEventListener(
      "drop",
      (event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer);
      },
      { signal },
    );
    window.addEventListener(
      "paste",
      (event) => {
        take(event.clipboardData);
      },
      { signal },
    );
    return () => {
      controller.abort();
    };
  }, []);

  return isOver ? (
    <div className={styles.layer}>
      <p className={styles.words}>{t("bringIn.drop")}</p>
    </div>
  ) : null;
}

function hasFiles(transfer: DataTransfer): boolean {
  return transfer.types.includes("Files");
}
