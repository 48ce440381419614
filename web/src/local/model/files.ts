/** Files of the build: fetched once, checked, and kept for the next visit and for offline use. */

import type { BuiltFile } from "@/local/build";
import { ModelError } from "@/local/model/manifest";

/** Also named in `web/src/local/service-worker.js`, which lets go of what no build needs. */
const CACHE = "tumorscope-files";

export type Progress = (loadedBytes: number) => void;

/**
 * Get a file of the build.
 *
 * Nothing is used before its SHA-256 was found to be the one that the build names: neither what a
 * host sends nor what was kept.
 */
export async function getFile(
  file: BuiltFile,
  base: string,
  onProgress: Progress = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const url = new URL(file.path, base).href;
  const cache = await openCache();
  const kept = await cache?.match(url);
  if (kept) {
    const content = await unpacked(new Uint8Array(await kept.arrayBuffer())).catch(() => null);
    if (content !== null && (await sha256(content)) === file.sha256) {
      onProgress(file.bytes);
      return content;
    }
    await cache?.delete(url);
  }
  const sent = await download(url, onProgress);
  const content = await unpacked(sent);
  if ((await sha256(content)) !== file.sha256) {
    throw new ModelError("broken", `${file.path} is not the file that the page was built with.`);
  }
  if (cache) keep(cache, url, sent);
  return content;
}

const keeping = new Set<Promise<void>>();

/** Behind the answer, which has no need of it. */
function keep(cache: Cache, url: string, sent: Uint8Array<ArrayBuffer>): void {
  const kept = cache
    .put(url, new Response(sent))
    // A full disk or a private window keeps nothing; the page works all the same.
    .catch(() => undefined)
    .finally(() => keeping.delete(kept));
  keeping.add(kept);
}

/** Resolved when nothing is on its way into the cache any more. */
export async function allKept(): Promise<void> {
  await Promise.all(keeping);
}

async function openCache(): Promise<Cache | null> {
  // Pages without TLS have none, nor do some private windows.
  if (!("caches" in globalThis)) return null;
  return caches.open(CACHE).catch(() => null);
}

async function download(url: string, onProgress: Progress): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    // What was cut off on its way is not taken from the browser's own cache.
    response = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer" });
  } catch {
    throw new ModelError("unreachable", `${url} cannot be fetched.`);
  }
  if (!response.ok || !response.body) {
    throw new ModelError("unreachable", `${url} was answered with status ${response.status}.`);
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      parts.push(next.value);
      size += next.value.length;
      onProgress(size);
    }
  } catch {
    throw new ModelError("unreachable", `${url} was cut off.`);
  }
  const whole = new Uint8Array(size);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** Some hosts say of a `.gz` that it is an encoding, and the browser has unpacked it then. */
async function unpacked(content: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (content[0] !== 0x1f || content[1] !== 0x8b) return content;
  try {
    const plain = new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch {
    throw new ModelError("broken", "A file of the model cannot be unpacked.");
  }
}

async function sha256(content: Uint8Array<ArrayBuffer>): Promise<string> {
  // Outside TLS there is no digest; nothing unchecked is used.
  const subtle = (crypto as Partial<Crypto>).subtle;
  if (!subtle) throw new ModelError("insecure", "The page is not served over HTTPS.");
  const digest = new Uint8Array(await subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
