import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import type { Case } from "@/domain/case";
import { deepPictureQuery, evidenceQuery } from "@/features/reading/api/slice-pictures";

/** Slices on either side that are fetched ahead of the wheel. */
const AHEAD = [1, -1, 2, -2, 3, -3];

export function usePrefetch(one: Case, index: number): void {
  const queries = useQueryClient();
  useEffect(() => {
    for (const step of AHEAD) {
      const view = one.slices[index + step]?.view;
      if (!view) continue;
      // A slice that cannot be fetched ahead shows its own face when it is reached.
      queries.query(deepPictureQuery(view)).catch(() => undefined);
      queries.query(evidenceQuery(view)).catch(() => undefined);
    }
  }, [queries, one.slices, index]);
}
