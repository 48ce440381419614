import { lazy, Suspense, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";

import { CrashFace } from "@/app/crash-face";
import { DeskPage } from "@/app/desk-page";
import { edition } from "@/app/edition";
import { ErrorBoundary } from "@/app/error-boundary";
import { SettingsDialog } from "@/app/settings-dialog";
import styles from "@/app/shell.module.css";
import { useArrivals } from "@/app/use-arrivals";
import { useViewChange } from "@/app/use-view-change";
import { Button } from "@/components/ui/button";
import { Face } from "@/components/ui/face";
import { DropLayer } from "@/features/desk/components/drop-layer";
import { useMessages } from "@/messages/use-messages";

const ModelPage = lazy(() => import("@/app/model-page"));
const ReadingPage = lazy(() => import("@/app/reading-page"));

export function Shell() {
  const t = useMessages();
  const [location] = useLocation();
  const { onFiles, wasEmpty } = useArrivals();
  useViewChange();
  return (
    <div className={styles.shell}>
      <DropLayer onFiles={onFiles} />
      <a
        className={styles.skip}
        href="#content"
        onClick={(event) => {
          // The hash is the router's.
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        {t("app.skip")}
      </a>
      <Header />
      {edition.Line ? <edition.Line /> : null}
      <main id="content" className={styles.main} tabIndex={-1}>
        <ErrorBoundary key={location} fallback={(reset) => <CrashFace onRetry={reset} />}>
          <Suspense fallback={<Face isView title={t("loading")} />}>
            <Switch>
              <Route path="/">
                <DeskPage onFiles={onFiles} wasEmpty={wasEmpty} />
              </Route>
              <Route path="/model">
                <ModelPage />
              </Route>
              <Route path="/read/:caseId">{({ caseId }) => <ReadingPage caseId={caseId} />}</Route>
              <Route>
                <Redirect to="/" />
              </Route>
            </Switch>
          </Suspense>
        </ErrorBoundary>
      </main>
      <footer className={styles.notice}>
        <strong>{t("notice")}</strong> <span>{t("notice.long")}</span>
      </footer>
    </div>
  );
}

function Header() {
  const t = useMessages();
  const [isOpen, setOpen] = useState(false);
  const [location] = useLocation();
  return (
    <header className={styles.header}>
      <Link href="/" className={styles.mark}>
        tumorscope
      </Link>
      <nav aria-label={t("app.nav")} className={styles.nav}>
        <Link href="/" aria-current={location === "/" ? "page" : undefined}>
          {t("nav.desk")}
        </Link>
        <Link href="/model" aria-current={location === "/model" ? "page" : undefined}>
          {t("nav.model")}
        </Link>
      </nav>
      <Button
        tone="ghost"
        icon="settings"
        aria-label={t("settings.open")}
        onPress={() => {
          setOpen(true);
        }}
      >
        <span className={styles.settings}>{t("settings.open")}</span>
      </Button>
      <SettingsDialog
        isOpen={isOpen}
        onClose={() => {
          setOpen(false);
        }}
      />
    </header>
  );
}
