import { render, screen } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";

import { App } from "@/app/app";
import { createQueries } from "@/app/queries";
import { createDesk, type Desk } from "@/domain/desk";
import { Uploader } from "@/domain/uploader";
import { engine } from "@/lib/engine/engine";
import { rememberPage } from "@/testing/open-pages";

interface Page {
  user: UserEvent;
  desk: Desk;
  /** Pick files as with the button. */
  pick: (...files: File[]) => Promise<void>;
}

/** The whole page, against the made-up service. */
export function renderPage(hash = ""): Page {
  window.location.hash = hash;
  const desk = createDesk();
  const uploader = new Uploader(desk, engine);
  const user = userEvent.setup();
  const queries = createQueries();
  queries.setDefaultOptions({ queries: { ...queries.getDefaultOptions().queries, retry: false } });
  render(<App queries={queries} desk={desk} uploader={uploader} />);
  rememberPage(desk, uploader);
  return {
    user,
    desk,
    pick: async (...files) => {
      const input = document.querySelector<HTMLInputElement>('input[type="file"]');
      if (!input) throw new Error("There is nothing to pick files with.");
      await user.upload(input, files);
    },
  };
}

export function file(name = "scan.png", content = "pixels"): File {
  return new File([content], name);
}

/** Bring in one scan and wait until it lies open. */
export async function openCase(page: Page, name = "scan.png"): Promise<void> {
  await page.pick(file(name));
  await screen.findByRole("heading", { level: 2, name: /What the model says|What do you see/ });
}
