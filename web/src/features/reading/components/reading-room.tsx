import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Later } from "@/components/later";
import { Face } from "@/components/ui/face";
import { answerOf, isHidden, strongestSlice, type Case } from "@/domain/case";
import { decidedAt } from "@/domain/operating-point";
import { useSettings } from "@/domain/settings";
import { AnswerPanel } from "@/features/reading/components/answer-panel";
import { BlindQuestion, FeedbackPanel } from "@/features/reading/components/feedback-panel";
import styles from "@/features/reading/components/reading-room.module.css";
import { ReportButton } from "@/features/reading/components/report-button";
import { Viewer } from "@/features/reading/components/viewer";
import { VoiceChoice } from "@/features/reading/components/voice-choice";
import { useViewerState } from "@/features/reading/viewer-state";
import { modelQuery } from "@/lib/api/queries";
import { useMessages } from "@/messages/use-messages";

interface ReadingRoomProps {
  one: Case;
  others: Case[];
}

/** One case to read: the scan, what the model says, what the reader says. */
export function ReadingRoom({ one, others }: ReadingRoomProps) {
  const t = useMessages();
  const blind = useSettings((settings) => settings.blind);
  const [state, onChange] = useViewerState();
  const [chosen, setChosen] = useState<number | null>(null);
  const { data: model } = useQuery(modelQuery);
  const hidden = isHidden(one, blind);
  // Until the reader scrolls, the strongest slice is in sight; in blind reading, the middle one.
  const start = hidden ? Math.floor(one.slices.length / 2) : strongestSlice(one);
  // By the service's number, for slices that are still coming in may be put before it.
  const found = one.slices.findIndex((slice) => slice.view.index === chosen);
  const index = found < 0 ? start : found;
  const answer = answerOf(one) ?? one.slices[index]?.answer;
  const point = answer ? decidedAt(model, answer.operating_point) : null;

  if (one.slices.length === 0) return <Face title={t("case.empty")} />;
  return (
    <div className={styles.room}>
      <Viewer
        {...{ one, others, index, state, onChange }}
        onIndex={(place) => {
          setChosen(one.slices[place]?.view.index ?? null);
        }}
        threshold={point?.threshold ?? null}
        isHidden={hidden}
      />
      <aside className={styles.side} aria-labelledby="answer-title">
        <div className={styles.sideHead}>
          <h2 id="answer-title">{t(hidden ? "answer.hidden.title" : "answer.title")}</h2>
          {hidden ? null : <VoiceChoice />}
        </div>
        {hidden ? (
          <BlindQuestion one={one} />
        ) : (
          <>
            <AnswerPanel one={one} index={index} point={point} />
            <Later>
              <FeedbackPanel one={one} />
              <ReportButton {...{ one, index, state, point }} />
            </Later>
          </>
        )}
      </aside>
    </div>
  );
}
