import { useEffect } from "react";

import { useSettings } from "@/domain/settings";

/** Tell the document its language and its theme. */
export function useDocumentSettings(): void {
  const language = useSettings((settings) => settings.language);
  const theme = useSettings((settings) => settings.theme);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
}
