import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "@fontsource/source-serif-4/latin-600.css";
import "@/styles/tokens.css";
import "@/styles/base.css";
import { App } from "@/app/app";
import { edition } from "@/app/edition";
import { createQueries } from "@/app/queries";
import { createDesk } from "@/domain/desk";
import { Uploader } from "@/domain/uploader";
import { engine } from "@/lib/engine/engine";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root.");

const queries = createQueries();
edition.begin(queries);

const desk = createDesk();
const uploader = new Uploader(desk, engine);

window.addEventListener("pagehide", (event) => {
  // A page that may come back from the browser's cache still needs its jobs.
  if (!event.persisted) uploader.forgetAll();
});

createRoot(root).render(
  <StrictMode>
    <App queries={queries} desk={desk} uploader={uploader} />
  </StrictMode>,
);
