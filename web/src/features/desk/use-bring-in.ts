import { useCallback } from "react";

import { useDesk } from "@/domain/desk-context";
import { useSettings } from "@/domain/settings";
import { planUploads, type PickedFile } from "@/domain/upload-plan";

/** Bring in what was picked; returns the ids of the uploads. */
export function useBringIn(): (picked: PickedFile[]) => string[] {
  const { uploader } = useDesk();
  const operatingPoint = useSettings((settings) => settings.operatingPoint);
  return useCallback(
    (picked) => uploader.add(planUploads(picked), operatingPoint),
    [uploader, operatingPoint],
  );
}
