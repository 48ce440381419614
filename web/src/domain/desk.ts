/** What lies on the desk: uploads and the cases that came of them. In memory only. */

import { createStore } from "zustand/vanilla";

import { buildCases, type JobAnswers } from "@/domain/case-builder";
import type { Case, Feedback, Upload, UploadState } from "@/domain/case";

export interface DeskState {
  uploads: ReadonlyMap<string, Upload>;
  cases: ReadonlyMap<string, Case>;
}

export type Desk = ReturnType<typeof createDesk>;

export function createDesk() {
  const store = createStore<DeskState>(() => ({ uploads: new Map(), cases: new Map() }));

  function changeUpload(id: string, part: Partial<Upload>): void {
    store.setState(({ uploads }) => {
      const upload = uploads.get(id);
      return upload ? { uploads: new Map(uploads).set(id, { ...upload, ...part }) } : {};
    });
  }

  return {
    store,
    changeUpload,
    addUploads(added: Upload[]): void {
      store.setState(({ uploads }) => ({
        uploads: new Map([...uploads, ...added.map((one) => [one.id, one] as const)]),
      }));
    },
    setUploadState(id: string, state: UploadState): void {
      changeUpload(id, { state });
    },
    setAnswers(id: string, known: JobAnswers, finished: boolean): void {
      store.setState(({ uploads, cases }) => {
        const upload = uploads.get(id);
        if (!upload) return {};
        const refusals = known.answers.filter((one) => one.kind === "error");
        const next = new Map(cases);
        for (const one of buildCases(upload, known, finished, cases)) next.set(one.id, one);
        return { cases: next, uploads: new Map(uploads).set(id, { ...upload, refusals }) };
      });
    },
    setFeedback(caseId: string, part: Partial<Feedback>): void {
      store.setState(({ cases }) => {
        const one = cases.get(caseId);
        if (!one) return {};
        const feedback = { ...one.feedback, ...part };
        return { cases: new Map(cases).set(caseId, { ...one, feedback }) };
      });
    },
  };
}
