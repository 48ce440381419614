/** Takes the place of app/edition.ts in `make static`. */

import type { Edition } from "@/app/edition";
import { modelQuery } from "@/lib/api/queries";
import { status, warmUp } from "@/local/engine";
import { EngineLine } from "@/local/ui/engine-line";
import { installOffline } from "@/local/ui/offline";

export const edition: Edition = {
  begin: (queries) => {
    warmUp();
    let answering: string | null = null;
    let isInstalled = false;
    status.subscribe(({ status: now }) => {
      if (!now) return;
      const isAtRest = now.phase === "failed" || (now.phase === "ready" && now.loaded === 1);
      if (isAtRest && !isInstalled) {
        isInstalled = true;
        installOffline();
      }
      if (now.answering === answering) return;
      // Its card is another one, and so are its thresholds.
      if (answering !== null) void queries.invalidateQueries({ queryKey: modelQuery.queryKey });
      answering = now.answering;
    });
  },
  Line: EngineLine,
};
