import { useCallback } from "react";

import { useMessages } from "@/messages/use-messages";

/** Name of an operating point in words; models may have points that no catalogue knows. */
export function usePointName(): (name: string) => string {
  const t = useMessages();
  return useCallback(
    (name) => {
      switch (name) {
        case "balanced":
        case "rule_in":
        case "rule_out":
          return t(`point.${name}`);
        default:
          return name;
      }
    },
    [t],
  );
}
