/** Keeps the page for use offline, and tells of new versions. */

import { createStore } from "zustand/vanilla";

interface Offline {
  isKept: boolean;
  /** A new version that waits until this one is left. */
  waiting: ServiceWorker | null;
}

export const offline = createStore<Offline>(() => ({ isKept: false, waiting: null }));

/** Called when the models have been loaded, or could not be: they do not share the line. */
export function installOffline(): void {
  // Pages without TLS have none, nor do some private windows; they work all the same.
  if (!("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  serviceWorker
    .register("./service-worker.js", { updateViaCache: "none" })
    .then(watch, () => undefined);
  void serviceWorker.ready.then(() => {
    offline.setState({ isKept: true });
  });
}

function watch(registration: ServiceWorkerRegistration): void {
  const look = () => {
    // The first of all versions takes over at once and replaces nothing.
    if (registration.waiting && registration.active) {
      offline.setState({ waiting: registration.waiting });
    }
  };
  look();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", look);
  });
}

/** Change to the version that waits. */
export function takeUpdate(waiting: ServiceWorker): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    location.reload();
  });
  waiting.postMessage("take-over");
}
