import { clsx } from "clsx";

import type { Outcome } from "@/domain/answer";
import styles from "@/components/case/outcome-mark.module.css";
import { useMessages } from "@/messages/use-messages";

/** Drawn differently in form as well as in color. */
const FORMS: Record<Outcome, string> = {
  tumor: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11z",
  no_tumor: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3z",
  abstain: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3zM8 3v10",
  rejected: "M4 4l8 8M12 4l-8 8",
};

export function OutcomeMark({ outcome }: { outcome: Outcome }) {
  const t = useMessages();
  return (
    <span className={styles.outcome}>
      <OutcomeForm outcome={outcome} />
      {t(`outcome.${outcome}`)}
    </span>
  );
}

export function OutcomeForm({ outcome }: { outcome: Outcome }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width="1em"
      height="1em"
      className={clsx(styles.form, styles[outcome])}
      aria-hidden="true"
    >
      <path d={FORMS[outcome]} />
    </svg>
  );
}
