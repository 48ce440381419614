import type { Desk } from "@/domain/desk";
import type { Uploader } from "@/domain/uploader";

const open: { desk: Desk; uploader: Uploader }[] = [];

export function rememberPage(desk: Desk, uploader: Uploader): void {
  open.push({ desk, uploader });
}

/** Cancel what the pages of a test are still about, so that it does not reach the next test. */
export function stopUploads(): void {
  for (const { desk, uploader } of open.splice(0)) {
    for (const { id, state } of desk.store.getState().uploads.values()) {
      if (state.kind !== "done") uploader.cancel(id);
    }
  }
}
