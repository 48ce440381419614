/**
 * Keeps the page for use offline. A version's files come into a cache of their own, all of them or
 * none, and every window is of one version: index.html comes from the newest that is whole, what
 * has a hash in its name from wherever it lies. static_build.py writes the list in place of the
 * name below.
 */

const BUILD = __BUILD__;

const PREFIX = "tumorscope-page-";
const SHELL = PREFIX + BUILD.version;
/** Filled by model/files.ts, with what has been checked. */
const FILES = "tumorscope-files";
/** In each cache of a version, the list of what it needs of those. */
const LIST = "needed-files";

self.addEventListener("install", (event) => {
  event.waitUntil(keepShell());
});

async function keepShell() {
  const cache = await caches.open(SHELL);
  // Without the list of headers of some hosts, which is no page.
  const wanted = BUILD.shell.filter((path) => path !== "_headers");
  await cache.addAll(
    wanted.map(
      (path) =>
        // index.html and what else has no hash must be of this version, and not an older copy.
        new Request(path, path.includes("/") ? {} : { cache: "reload" }),
    ),
  );
  const needed = BUILD.files.map((path) => new URL(path, self.registration.scope).href);
  await cache.put(LIST, new Response(JSON.stringify(needed)));
}

self.addEventListener("activate", (event) => {
  event.waitUntil(tidy().then(() => self.clients.claim()));
});

/** Let go of what neither this version needs nor a window of the one before. */
async function tidy() {
  const names = (await caches.keys()).filter((one) => one.startsWith(PREFIX) && one !== SHELL);
  const before = names.pop();
  await Promise.all(names.map((one) => caches.delete(one)));
  const needed = new Set(await filesOf(SHELL));
  if (before) for (const one of await filesOf(before)) needed.add(one);
  const files = await caches.open(FILES);
  for (const request of await files.keys()) {
    if (!needed.has(request.url)) await files.delete(request);
  }
}

/** Addresses of the models and the runtime of a version. */
async function filesOf(name) {
  const list = await (await caches.open(name)).match(LIST);
  return list ? list.json() : [];
}

self.addEventListener("message", (event) => {
  // The reader has asked for the new version; until then the old one answers.
  if (event.data === "take-over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (!address.href.startsWith(self.registration.scope)) return;
  event.respondWith(answer(request, address));
});

async function answer(request, address) {
  const { scope } = self.registration;
  const page = new URL("index.html", scope).href;
  const asked = address.origin + address.pathname;
  const isPage = request.mode === "navigate" && (asked === scope || asked === page);
  const shell = await caches.open(SHELL);
  const wanted = isPage ? page : address.href;
  const kept = (await shell.match(wanted)) ?? (isPage ? undefined : await caches.match(wanted));
  return kept ? withHeaders(kept) : fetch(request);
}

/** Headers that not every host can send: isolation, for threads, and the policy. */
function withHeaders(response) {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(BUILD.headers)) headers.set(name, value);
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  return new Response(response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
