import { ProgressBar } from "react-aria-components/ProgressBar";

import styles from "@/components/ui/progress.module.css";

interface ProgressProps {
  label: string;
  /** From 0 to 1; null while nobody knows. */
  fraction: number | null;
}

export function Progress({ label, fraction }: ProgressProps) {
  return (
    <ProgressBar
      aria-label={label}
      value={(fraction ?? 0) * 100}
      isIndeterminate={fraction === null}
      className={styles.track}
    >
      <div
        className={fraction === null ? styles.wandering : styles.fill}
        style={fraction === null ? undefined : { width: `${fraction * 100}%` }}
      />
    </ProgressBar>
  );
}
