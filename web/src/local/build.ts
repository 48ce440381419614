/** What `web/static_build.py` puts beside the page. */

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
  version: string;
  models: readonly BuiltModel[];
  /** The runtime, as WebAssembly and as the module that starts it. */
  wasm: BuiltFile;
  runtime: string;
  samples: readonly Sample[];
}

const ELEMENT = "tumorscope-build";

/**
 * Read what index.html says of its build. All other files have a hash in their names, so that a
 * page is of one version, whatever has been published since.
 */
export function readBuild(): StaticBuild {
  const text = document.getElementById(ELEMENT)?.textContent;
  if (!text) throw new Error("index.html does not say what it was built with: make static");
  return JSON.parse(text) as StaticBuild;
}
