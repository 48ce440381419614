import { createContext, useContext } from "react";
import { useStore } from "zustand";

import { useCalmStore } from "@/domain/calm";
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

/** For views of all of them. */
export function useUploads(): ReadonlyMap<string, Upload> {
  return useCalmStore(useDesk().desk.store, (state) => state.uploads);
}

/** For views of all of them. */
export function useCalmCases(): ReadonlyMap<string, Case> {
  return useCalmStore(useDesk().desk.store, (state) => state.cases);
}

export function useCases(): ReadonlyMap<string, Case> {
  return useStore(useDesk().desk.store, (state) => state.cases);
}
