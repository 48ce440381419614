import { SectionDialog } from "@/components/ui/section-dialog";
import styles from "@/features/reading/components/viewer.module.css";
import type { MessageKey } from "@/messages/catalogue";
import { useMessages } from "@/messages/use-messages";

const KEYS: readonly (readonly [keys: string, meaning: MessageKey])[] = [
  ["↑ ↓", "keys.scroll"],
  ["Page ↑ Page ↓", "keys.page"],
  ["Home End", "keys.ends"],
  ["+ − 0", "keys.zoom"],
  ["Shift ← → ↑ ↓", "keys.pan"],
  ["[ ]", "keys.window"],
  [", .", "keys.brightness"],
  ["I", "keys.invert"],
  ["E", "keys.evidence"],
  ["M", "keys.mark"],
];

interface KeysDialogProps {
  isOpen: boolean;
  onClose: () => void;
}

export function KeysDialog({ isOpen, onClose }: KeysDialogProps) {
  const t = useMessages();
  return (
    <SectionDialog title={t("keys.title")} isOpen={isOpen} onClose={onClose}>
      <dl className={styles.keys}>
        {KEYS.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>{keys}</dt>
            <dd>{t(meaning)}</dd>
          </div>
        ))}
      </dl>
      <p className="soft small">{t("keys.wheel")}</p>
    </SectionDialog>
  );
}
