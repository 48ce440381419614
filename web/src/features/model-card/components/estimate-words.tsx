import type { Estimate } from "@/domain/model-evaluation";
import styles from "@/features/model-card/components/model-room.module.css";
import { useNumbers } from "@/messages/use-numbers";

/** An estimate with its interval. */
export function EstimateWords({
  one,
}: {
  one: Pick<Estimate, "estimate" | "low" | "high"> | undefined;
}) {
  const numbers = useNumbers();
  if (!one) return <>–</>;
  return (
    <span className={styles.number}>
      {numbers.three(one.estimate)}{" "}
      <span className={styles.interval}>
        ({numbers.three(one.low)}–{numbers.three(one.high)})
      </span>
    </span>
  );
}
