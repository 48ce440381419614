import styles from "@/components/case/probability-bar.module.css";

interface ProbabilityBarProps {
  probability: number;
  /** Operating point; drawn as a line across the bar. */
  threshold: number | null;
}

/** Drawing of a probability; the numbers stand beside it in words. */
export function ProbabilityBar({ probability, threshold }: ProbabilityBarProps) {
  return (
    <span className={styles.bar} aria-hidden="true">
      <span
        className={styles.fill}
        data-above={threshold !== null && probability >= threshold}
        style={{ width: `${probability * 100}%` }}
      />
      {threshold === null ? null : (
        <span className={styles.threshold} style={{ left: `${threshold * 100}%` }} />
      )}
    </span>
  );
}
