import type { Start } from "@/local/protocol";
import workerUrl from "@/local/worker?worker&url";

/**
 * Start the worker from a blob, because such a worker is bound by the page's content security
 * policy. One started from its own file is bound by that file's headers, which plain hosts do not
 * send: it could ask any host for anything.
 */
export function startWorker(start: Start): Worker {
  const address = new URL(workerUrl, location.href).href;
  const source = `import ${JSON.stringify(address)};`;
  const blob = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(blob, { type: "module", name: "tumorscope" });
  worker.postMessage(start);
  return worker;
}
