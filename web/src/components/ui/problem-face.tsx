import { useEffect, useEffectEvent, useState, type SyntheticEvent } from "react";
import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { TextField } from "react-aria-components/TextField";

import { Button } from "@/components/ui/button";
import { Face } from "@/components/ui/face";
import styles from "@/components/ui/problem-face.module.css";
import { setApiKey } from "@/lib/api/api-key";
import type { Problem } from "@/lib/problem";
import { useMessages } from "@/messages/use-messages";
import { useProblemWords } from "@/messages/use-problem-words";

interface ProblemFaceProps {
  problem: Problem;
  onRetry: () => void;
  isView?: boolean;
}

/** The one face for everything that goes wrong between the page and the service. */
export function ProblemFace({ problem, onRetry, isView }: ProblemFaceProps) {
  const t = useMessages();
  const { title, text } = useProblemWords()(problem);
  useRetryByItself(problem, onRetry);
  return (
    <Face tone="fault" title={title} text={text} isView={isView}>
      {problem.kind === "unauthorized" ? (
        <ApiKeyForm onDone={onRetry} />
      ) : (
        <Button icon="retry" onPress={onRetry}>
          {t("problem.retry")}
        </Button>
      )}
    </Face>
  );
}

const OFFLINE_RETRY_SECONDS = 3;

/** What passes by itself needs nobody to press a button. */
function useRetryByItself(problem: Problem, onRetry: () => void): void {
  const retry = useEffectEvent(onRetry);
  useEffect(() => {
    if (problem.kind !== "offline" && problem.kind !== "busy") return;
    const seconds = problem.kind === "busy" ? problem.retryAfterSeconds : OFFLINE_RETRY_SECONDS;
    const timer = setTimeout(() => {
      retry();
    }, seconds * 1000);
    return () => {
      clearTimeout(timer);
    };
  }, [problem]);
}

function ApiKeyForm({ onDone }: { onDone: () => void }) {
  const t = useMessages();
  const [key, setKey] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setApiKey(key);
    onDone();
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <TextField value={key} onChange={setKey} type="password" autoComplete="off">
        <Label>{t("apiKey.label")}</Label>
        <Input className={styles.input} />
      </TextField>
      <Button type="submit" isDisabled={key.trim() === ""}>
        {t("apiKey.use")}
      </Button>
    </form>
  );
}
