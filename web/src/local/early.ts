/**
 * First script of the static page: has the worker start and fetch the model while the page itself
 * is still being loaded. vite.config.ts puts it into index.html.
 */

import { warmUp } from "@/local/engine";

warmUp();
