import { createContext, useContext } from "react";
import { useStore } from "zustand";

import type { Case, Upload } from "@/domain/case";
import type { Desk } from "@/domain/desk";
import type { Uploader } from "@/domain/uploader";

interface DeskTools {
  desk: Desk;
  uploader: Uploader;
}

export const DeskContext = createContext<DeskTools | null>(null);

export function useDesk(): DeskTools {
  const tools = useContext(DeskContext);
  if (!tools) throw new Error("There is no DeskContext around this component.");
  return tools;
}

export function useUploads(): ReadonlyMap<string, Upload> {
  return useStore(useDesk().desk.store, (state) => state.uploads);
}

export function useCases(): ReadonlyMap<string, Case> {
  return useStore(useDesk().desk.store, (state) => state.cases);
}
