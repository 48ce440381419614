import styles from "@/components/case/probability-bar.module.css";

interface ProbabilityBarProps {
  probability: number;
  /** Operating point; drawn as a line across the bar. */
  threshold: number | null;
  /** The outcome, which also depends on more than the probability. */
  isTumor: boolean;
}

/** Drawing of a probability; the numbers stand beside it in words. */
export function ProbabilityBar({ probability, threshold, isTumor }: ProbabilityBarProps) {
  return (
    <span className={styles.bar} aria-hidden="true">
      <span
        className={styles.fill}
        data-tumor={isTumor}
        style={{ width: `${probability * 100}%` }}
      />
      {threshold === null ? null : (
        <span className={styles.threshold} style={{ left: `${threshold * 100}%` }} />
      )}
    </span>
  );
}
