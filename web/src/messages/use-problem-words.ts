import { useCallback } from "react";

import type { Problem } from "@/lib/problem";
import { useMessages } from "@/messages/use-messages";

/** Say in words what went wrong and what to do. */
export function useProblemWords(): (problem: Problem) => { title: string; text: string } {
  const t = useMessages();
  return useCallback(
    (problem) => {
      const title = t(`problem.${problem.kind}.title`);
      if (problem.kind === "busy") {
        return { title, text: t("problem.busy.text", { seconds: problem.retryAfterSeconds }) };
      }
      if (problem.kind === "model") return { title, text: t(`problem.model.${problem.fault}`) };
      if (problem.kind === "refused") {
        // The service words its refusals itself; they name what arrived and what to do.
        return { title, text: problem.detail || problem.title || t("problem.refused.text") };
      }
      return { title, text: t(`problem.${problem.kind}.text`) };
    },
    [t],
  );
}
