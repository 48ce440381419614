import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { Button } from "@/components/ui/button";
import type { Case } from "@/domain/case";
import type { OperatingPoint } from "@/domain/operating-point";
import { useSettings } from "@/domain/settings";
import { deepPictureQuery, evidenceQuery } from "@/features/reading/api/slice-pictures";
import type { ViewerState } from "@/features/reading/viewer-state";
import { download } from "@/lib/download";
import { useMessages } from "@/messages/use-messages";

interface ReportButtonProps {
  one: Case;
  index: number;
  state: ViewerState;
  point: OperatingPoint | null;
}

/** One page for the file: the slice in sight, the evidence, the numbers, the model, the notice. */
export function ReportButton({ one, index, state, point }: ReportButtonProps) {
  const t = useMessages();
  const language = useSettings((settings) => settings.language);
  const queries = useQueryClient();
  const [phase, setPhase] = useState<"idle" | "making" | "failed">("idle");

  const make = async () => {
    const slice = one.slices[index];
    if (!slice) return;
    const [{ writeReport }, picture, evidence] = await Promise.all([
      import("@/features/reading/report/write-report"),
      queries.query(deepPictureQuery(slice.view)),
      queries.query(evidenceQuery(slice.view)),
    ]);
    const report = writeReport({
      one,
      index,
      state,
      point,
      picture,
      evidence,
      language,
      now: new Date(),
    });
    const name = one.name.replace(/[^\p{L}\p{N}._-]+/gu, "_");
    download(`tumorscope-${name}.pdf`, report);
  };

  return (
    <div>
      <Button
        icon="page"
        isDisabled={phase === "making"}
        onPress={() => {
          setPhase("making");
          make().then(
            () => {
              setPhase("idle");
            },
            () => {
              setPhase("failed");
            },
          );
        }}
      >
        {t(phase === "making" ? "report.making" : "report.make")}
      </Button>
      {phase === "failed" ? <p role="alert">{t("report.failed")}</p> : null}
    </div>
  );
}
