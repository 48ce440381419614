import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLocation } from "wouter";

import { useDesk } from "@/domain/desk-context";
import type { PickedFile } from "@/domain/upload-plan";
import { useBringIn } from "@/features/desk/use-bring-in";

/** Bring in files from any view; a single scan is opened as soon as its first slice is there. */
export function useArrivals(): { onFiles: (picked: PickedFile[]) => void; wasEmpty: boolean } {
  const { desk } = useDesk();
  const [location, navigate] = useLocation();
  const bringIn = useBringIn();
  const awaited = useRef<string | null>(null);
  const [wasEmpty, setEmpty] = useState(false);

  const open = useEffectEvent((caseId: string) => {
    awaited.current = null;
    // The reader who meanwhile went somewhere else is left there.
    if (location === "/") navigate(`/read/${caseId}`);
  });

  useEffect(
    () =>
      desk.store.subscribe(({ cases }) => {
        if (awaited.current === null) return;
        const arrived = [...cases.values()].find((one) => one.uploadId === awaited.current);
        if (arrived) open(arrived.id);
      }),
    [desk],
  );

  const onFiles = useCallback(
    (picked: PickedFile[]) => {
      const ids = bringIn(picked);
      setEmpty(ids.length === 0);
      // Opened by the first answer, and fetched until then.
      if (ids.length > 0) import("@/app/reading-page").catch(() => undefined);
      awaited.current = ids.length === 1 ? (ids[0] ?? null) : null;
      navigate("/");
    },
    [bringIn, navigate],
  );
  return { onFiles, wasEmpty };
}
