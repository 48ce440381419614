import { Disclosure, DisclosurePanel } from "react-aria-components/Disclosure";
import { Button as AriaButton } from "react-aria-components/Button";

import { FileName } from "@/components/case/file-name";
import { IconButton } from "@/components/ui/icon-button";
import { Progress } from "@/components/ui/progress";
import type { Upload, UploadState } from "@/domain/case";
import { useDesk } from "@/domain/desk-context";
import styles from "@/features/desk/components/upload-tray.module.css";
import type { ErrorAnswer } from "@/lib/api/types";
import { isRetryable } from "@/lib/problem";
import type { MessageKey } from "@/messages/catalogue";
import { useMessages, type Translate } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";
import { useProblemWords } from "@/messages/use-problem-words";

export function UploadRow({ upload }: { upload: Upload }) {
  const t = useMessages();
  const { state } = upload;
  return (
    <li className={styles.row} data-state={state.kind}>
      <div className={styles.words}>
        <FileName className={styles.name} name={upload.name} />
        <StateWords state={state} />
      </div>
      <RowActions upload={upload} />
      {isMoving(state) ? (
        <div className={styles.bar}>
          <Progress
            label={t("uploads.progress", { name: upload.name })}
            fraction={fractionOf(state)}
          />
        </div>
      ) : null}
      {upload.refusals.length > 0 ? <Refusals refusals={upload.refusals} /> : null}
    </li>
  );
}

function StateWords({ state }: { state: UploadState }) {
  const t = useMessages();
  const numbers = useNumbers();
  const problemWords = useProblemWords();
  switch (state.kind) {
    case "done": // Only its refusals are left to be shown.
      return null;
    case "waiting":
    case "cancelled":
      return <span className="soft small">{t(`upload.${state.kind}`)}</span>;
    case "sending":
      return (
        <span className="soft small">
          {t("upload.sending", { percent: numbers.percent(state.fraction) })}
        </span>
      );
    case "working":
      return <span className="soft small">{workingWords(state, t)}</span>;
    case "held":
      return (
        <span className={styles.held} role="status">
          {state.problem.kind === "busy"
            ? t("upload.held.busy", { seconds: state.problem.retryAfterSeconds })
            : t("upload.held.offline")}
        </span>
      );
    case "failed": {
      const { title, text } = problemWords(state.problem);
      return (
        <span className={styles.fault} role="alert">
          {title}. {text}
        </span>
      );
    }
  }
}

function workingWords(state: Extract<UploadState, { kind: "working" }>, t: Translate): string {
  return state.files !== null && state.files > 1
    ? t("upload.workingFiles", { done: state.filesDone, total: state.files })
    : t("upload.working", { slices: state.slicesDone });
}

function isMoving(state: UploadState): boolean {
  return state.kind === "sending" || state.kind === "working";
}

function fractionOf(state: UploadState): number | null {
  if (state.kind === "sending") return state.fraction;
  if (state.kind !== "working" || state.files === null || state.files < 2) return null;
  return state.filesDone / state.files;
}

function RowActions({ upload }: { upload: Upload }) {
  const t = useMessages();
  const { uploader } = useDesk();
  const { state, id, name } = upload;
  const canRetry =
    state.kind === "cancelled" || (state.kind === "failed" && isRetryable(state.problem));
  const isOver = canRetry || state.kind === "failed" || state.kind === "done";
  return (
    <span className={styles.actions}>
      {canRetry ? (
        <IconButton
          icon="retry"
          label={t("upload.retry", { name })}
          onPress={() => {
            uploader.retry(id);
          }}
        />
      ) : null}
      <IconButton
        icon="close"
        label={t(isOver ? "upload.remove" : "upload.cancel", { name })}
        onPress={() => {
          if (isOver) uploader.dismiss(id);
          else uploader.cancel(id);
        }}
      />
    </span>
  );
}

const KNOWN_ERRORS = new Set<string>([
  "unsupported-format",
  "corrupt-image",
  "image-too-large",
  "image-content",
]);

function Refusals({ refusals }: { refusals: ErrorAnswer[] }) {
  const t = useMessages();
  const words = (refusal: ErrorAnswer) =>
    KNOWN_ERRORS.has(refusal.error.type)
      ? t(`error.${refusal.error.type}` as MessageKey)
      : refusal.error.title;
  return (
    <Disclosure className={styles.refusals} defaultExpanded={refusals.length < 4}>
      <AriaButton slot="trigger" className={styles.refusalsTrigger}>
        {t("refusals.title", { count: refusals.length })}
      </AriaButton>
      <DisclosurePanel>
        <ul className={styles.refusalList}>
          {refusals.map((refusal, index) => (
            <li key={`${refusal.source}-${index}`}>
              <strong>{refusal.source}</strong>: {words(refusal)}{" "}
              <span className="soft">{refusal.error.detail}</span>
            </li>
          ))}
        </ul>
      </DisclosurePanel>
    </Disclosure>
  );
}
