import { QueryClientProvider, type QueryClient } from "@tanstack/react-query";
import { I18nProvider } from "react-aria-components/I18nProvider";
import { Router } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";

import { Shell } from "@/app/shell";
import { useDocumentSettings } from "@/app/use-document-settings";
import { DeskContext } from "@/domain/desk-context";
import type { Desk } from "@/domain/desk";
import { useSettings } from "@/domain/settings";
import type { Uploader } from "@/domain/uploader";

interface AppProps {
  queries: QueryClient;
  desk: Desk;
  uploader: Uploader;
}

export function App({ queries, desk, uploader }: AppProps) {
  const language = useSettings((settings) => settings.language);
  useDocumentSettings();
  return (
    <QueryClientProvider client={queries}>
      <I18nProvider locale={language}>
        <DeskContext value={{ desk, uploader }}>
          <Router hook={useHashLocation}>
            <Shell />
          </Router>
        </DeskContext>
      </I18nProvider>
    </QueryClientProvider>
  );
}
