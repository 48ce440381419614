import { Label } from "react-aria-components/Label";
import { TextArea } from "react-aria-components/TextArea";
import { TextField } from "react-aria-components/TextField";

import { Button } from "@/components/ui/button";
import { Choice } from "@/components/ui/choice";
import type { Case, Reading, Verdict } from "@/domain/case";
import { useDesk } from "@/domain/desk-context";
import styles from "@/features/reading/components/feedback-panel.module.css";
import { useMessages } from "@/messages/use-messages";

const READINGS: readonly Reading[] = ["tumor", "no_tumor", "unsure"];
const VERDICTS: readonly Verdict[] = ["agree", "disagree", "unsure"];

/** Blind reading: the reader answers first. */
export function BlindQuestion({ one }: { one: Case }) {
  const t = useMessages();
  const { desk } = useDesk();
  return (
    <div className={styles.feedback} role="group" aria-labelledby="blind-question">
      <h3 id="blind-question">{t("feedback.blind")}</h3>
      <p className="soft">{t("answer.hidden.text")}</p>
      <div className={styles.readings}>
        {READINGS.map((reading) => (
          <Button
            key={reading}
            onPress={() => {
              desk.setFeedback(one.id, { reading });
            }}
          >
            {t(`reading.${reading}`)}
          </Button>
        ))}
      </div>
    </div>
  );
}

export function FeedbackPanel({ one }: { one: Case }) {
  const t = useMessages();
  const { desk } = useDesk();
  const { reading, verdict, comment } = one.feedback;
  return (
    <div className={styles.feedback}>
      <h3>{t("feedback.title")}</h3>
      {reading ? <p>{t("feedback.yourReading", { reading: t(`reading.${reading}`) })}</p> : null}
      <Choice
        label={t("feedback.verdict")}
        options={VERDICTS.map((value) => ({ value, label: t(`verdict.${value}`) }))}
        value={verdict}
        onChange={(value) => {
          desk.setFeedback(one.id, { verdict: value });
        }}
      />
      <TextField
        value={comment}
        onChange={(text) => {
          desk.setFeedback(one.id, { comment: text });
        }}
      >
        <Label className={styles.label}>{t("feedback.comment")}</Label>
        <TextArea className={styles.comment} rows={2} />
      </TextField>
      <p className="soft small">{t("feedback.kept")}</p>
    </div>
  );
}
