/** The worker: everything that computes, so that the page never waits. */

import { ModelError } from "@/local/model/manifest";
import { GoneError, Office } from "@/local/office";
import type { Fault, FromWorker, Start, ToWorker } from "@/local/protocol";

const send = (message: FromWorker) => {
  postMessage(message);
};

let office: Office | null = null;

addEventListener("message", ({ data }: MessageEvent<Start | ToWorker>) => {
  if ("base" in data) {
    office ??= new Office(data, (status) => {
      send({ status });
    });
    return;
  }
  void answer(data);
});

async function answer({ id, name, parameters }: ToWorker): Promise<void> {
  try {
    if (!office) throw new Error("The worker has not been started.");
    const call = office[name].bind(office) as (...given: unknown[]) => Promise<unknown>;
    send({ id, result: await call(...parameters) });
  } catch (error) {
    send({ id, fault: asFault(error) });
  }
}

function asFault(error: unknown): Fault {
  if (error instanceof ModelError) return { kind: "model", fault: error.kind };
  if (error instanceof GoneError) return { kind: "gone" };
  console.error(error);
  return { kind: "server" };
}
