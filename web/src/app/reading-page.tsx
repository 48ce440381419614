import { Link } from "wouter";

import styles from "@/app/reading-page.module.css";
import { FileName } from "@/components/case/file-name";
import { Face } from "@/components/ui/face";
import { Icon } from "@/components/ui/icon";
import { titleOf, type Case } from "@/domain/case";
import { useCases } from "@/domain/desk-context";
import { ReadingRoom } from "@/features/reading/components/reading-room";
import { useMessages } from "@/messages/use-messages";

export default function ReadingPage({ caseId }: { caseId: string }) {
  const t = useMessages();
  const cases = [...useCases().values()];
  const place = cases.findIndex((one) => one.id === caseId);
  const one = cases[place];
  if (!one) {
    return (
      <Face isView title={t("case.gone.title")} text={t("case.gone.text")}>
        <Link href="/">{t("case.back")}</Link>
      </Face>
    );
  }
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <div className={styles.title}>
          <h1 className={styles.name}>{titleOf(one)}</h1>
          {one.description ? <FileName className="soft small" name={one.name} /> : null}
          <p className="soft small" role="status">
            {t("case.place", { place: place + 1, count: cases.length })}
            {one.complete ? "" : ` · ${t("case.incomplete", { slices: one.slices.length })}`}
          </p>
        </div>
        <nav className={styles.steps} aria-label={t("worklist.title")}>
          <StepLink to={cases[place - 1]} words={t("case.previous")} icon="previous" />
          <StepLink to={cases[place + 1]} words={t("case.next")} icon="next" />
        </nav>
      </div>
      {/* A case begins with a fresh look. */}
      <ReadingRoom key={one.id} one={one} others={cases.filter((other) => other !== one)} />
    </div>
  );
}

interface StepLinkProps {
  to: Case | undefined;
  words: string;
  icon: "previous" | "next";
}

function StepLink({ to, words, icon }: StepLinkProps) {
  if (!to) return null;
  return (
    <Link href={`/read/${to.id}`} className={styles.step}>
      {icon === "previous" ? <Icon name={icon} /> : null}
      {words}
      {icon === "next" ? <Icon name={icon} /> : null}
    </Link>
  );
}
