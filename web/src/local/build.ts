/** What `web/static_build.py` puts beside the page, as it hands it to Vite. */

import type { Sample } from "@/lib/api/types";

export interface BuiltFile {
  /** Below the page's own folder, with a hash in its name. */
  path: string;
  /** Of the content, unpacked. */
  sha256: string;
  /** As sent. */
  bytes: number;
}

export interface BuiltModel {
  name: "lite" | "default";
  /** The answer of `GET /api/v1/model`, and the artifact's manifest beside it. */
  card: BuiltFile;
  graph: BuiltFile;
}

export interface StaticBuild {
  /** Digest of all that is in the build. */
  models: readonly BuiltModel[];
  /** The runtime, as WebAssembly and as the module that starts it. */
  wasm: BuiltFile;
  runtime: string;
  samples: readonly Sample[];
}

declare const __TUMORSCOPE_BUILD__: StaticBuild;

export const BUILD: StaticBuild = __TUMORSCOPE_BUILD__;
