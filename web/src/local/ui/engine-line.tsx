import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useStore } from "zustand";

import { Button } from "@/components/ui/button";
import { SectionDialog } from "@/components/ui/section-dialog";
import { useDesk, useUploads } from "@/domain/desk-context";
import { useSettings } from "@/domain/settings";
import { modelQuery } from "@/lib/api/queries";
import { status } from "@/local/engine";
import type { Status } from "@/local/protocol";
import styles from "@/local/ui/engine-line.module.css";
import { offline, takeUpdate } from "@/local/ui/offline";
import type { Translate } from "@/messages/use-messages";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

/** Where scans are analyzed, and by which model. */
export function EngineLine() {
  const t = useMessages();
  const numbers = useNumbers();
  const now = useStore(status, (state) => state.status);
  const { isKept, waiting } = useStore(offline);
  const [isOpen, setOpen] = useState(false);
  return (
    <section className={styles.line} aria-label={t("local.label")}>
      <p>
        <strong>{t("local.private")}</strong>{" "}
        <span role="status" data-answering={now?.answering ?? "none"}>
          {now ? words(now, t, numbers.percent) : null}
        </span>{" "}
        {isKept && now?.loaded === 1 ? <span className="soft">{t("local.offline")}</span> : null}
      </p>
      <div className={styles.buttons}>
        <AskAgain isFull={now?.answering === "default"} />
        {waiting ? (
          <>
            <span>{t("local.update")}</span>
            <Button
              onPress={() => {
                takeUpdate(waiting);
              }}
            >
              {t("local.reload")}
            </Button>
          </>
        ) : null}
        <Button
          tone="ghost"
          onPress={() => {
            setOpen(true);
          }}
        >
          {t("local.about")}
        </Button>
      </div>
      <About
        isOpen={isOpen}
        onClose={() => {
          setOpen(false);
        }}
      />
    </section>
  );
}

function words(now: Status, t: Translate, percent: (share: number) => string): string {
  if (now.phase === "failed") return t("local.failed");
  if (now.answering === null) return t("local.loading", { percent: percent(now.loaded) });
  if (now.answering === "default") return t("local.full");
  return now.isReduced ? t("local.smallOnly") : t("local.small", { percent: percent(now.loaded) });
}

/** What the small model answered can be answered anew when the full one is there. */
function AskAgain({ isFull }: { isFull: boolean }) {
  const t = useMessages();
  const { uploader, desk } = useDesk();
  const uploads = useUploads();
  const operatingPoint = useSettings((settings) => settings.operatingPoint);
  const cases = useStore(desk.store, (state) => state.cases);
  const { data: card } = useQuery(modelQuery);
  const isOutdated = [...cases.values()].some((one) =>
    one.slices.some(({ answer }) => card && answer.model.sha256 !== card.model.sha256),
  );
  const isAtRest = [...uploads.values()].every(({ state }) => state.kind === "done");
  if (!isFull || !isOutdated || !isAtRest) return null;
  return (
    <Button
      icon="retry"
      onPress={() => {
        uploader.askAgain(operatingPoint);
      }}
    >
      {t("local.again")}
    </Button>
  );
}

/** What this page is and is not, for patients and for those who read scans. */
function About({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const t = useMessages();
  return (
    <SectionDialog title={t("local.about")} isOpen={isOpen} onClose={onClose}>
      <section className={styles.about}>
        <h3>{t("local.patients")}</h3>
        <p>{t("local.patients.is")}</p>
        <p>{t("local.patients.not")}</p>
        <p>{t("local.patients.ask")}</p>
      </section>
      <section className={styles.about}>
        <h3>{t("local.readers")}</h3>
        <p>{t("local.readers.model")}</p>
        <p>{t("local.readers.data")}</p>
        <p>{t("local.readers.limits")}</p>
      </section>
      <p>
        <strong>{t("notice")}</strong>
      </p>
    </SectionDialog>
  );
}
