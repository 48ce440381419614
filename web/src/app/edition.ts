import type { QueryClient } from "@tanstack/react-query";
import type { ComponentType } from "react";

/** What one edition of the page has and the other has not. */
export interface Edition {
  /** Called once, before anything is drawn. */
  begin: (queries: QueryClient) => void;
  /** A line under the header. */
  Line: ComponentType | null;
}

/** Of the served page. `make static` has its own: local/ui/edition.ts. */
export const edition: Edition = { begin: () => undefined, Line: null };
