/** The network in ONNX Runtime, as WebAssembly. */

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";

import type { ModelCard } from "@/lib/api/types";
import type { BuiltModel, StaticBuild } from "@/local/build";
import { INPUT, NOVELTY, OUTPUTS, RECOGNIZED } from "@/local/constants.gen";
import type { Model, Outputs } from "@/local/model/classify";
import { getFile, type Progress } from "@/local/model/files";
import { checkManifest, ModelError, type Manifest } from "@/local/model/manifest";
import type { Start } from "@/local/protocol";

/** More give no more on the few fast cores that devices have. */
const MOST_THREADS = 4;

/** A model that can answer, with its card. */
export interface LoadedModel extends Model {
  name: BuiltModel["name"];
  card: ModelCard;
  release: () => Promise<void>;
}

interface CardFile {
  card: ModelCard;
  manifest: Manifest;
}

/** A graph of one node, which returns what it is given. */
const IDENTITY =
  "CAg6NwoQCgFhEgFiIghJZGVudGl0eRIBZ1oPCgFhEgoKCAgBEgQKAggBYg8KAWISCgoICAESBAoCCAFCBAoAEBE=";

let runtime: Promise<void> | null = null;

/** Load one model of the build; the runtime comes with the first. */
export async function loadModel(
  built: BuiltModel,
  { base, build }: Start,
  onProgress: Progress,
): Promise<LoadedModel> {
  runtime ??= startRuntime(base, build);
  // What could not be fetched may be there the next time.
  runtime.catch(() => (runtime = null));
  const [, graph, text] = await Promise.all([
    runtime,
    getFile(built.graph, base, onProgress),
    getFile(built.card, base),
  ]);
  const { card, manifest } = JSON.parse(new TextDecoder().decode(text)) as CardFile;
  checkManifest(manifest);
  const session = await openSession(graph);
  return {
    name: built.name,
    card,
    manifest,
    identity: card.model,
    run: (canvas) => run(session, manifest, canvas),
    release: () => session.release(),
  };
}

/** Threads that the runtime uses: one where the page is not isolated from other origins. */
export function threads(): number {
  if (!globalThis.crossOriginIsolated) return 1;
  return Math.min(MOST_THREADS, navigator.hardwareConcurrency);
}

async function startRuntime(base: string, build: StaticBuild): Promise<void> {
  if (typeof WebAssembly === "undefined") {
    throw new ModelError("no-wasm", "This browser has no WebAssembly.");
  }
  env.wasm.numThreads = threads();
  env.wasm.wasmPaths = { mjs: new URL(build.runtime, base).href };
  const binary = await getFile(build.wasm, base);
  env.wasm.wasmBinary = binary.buffer;
  // The runtime begins with the first session. That takes longer than all that comes with the
  // model, which is fetched meanwhile.
  const smallest = await openSession(Uint8Array.from(atob(IDENTITY), (one) => one.charCodeAt(0)));
  await smallest.release();
}

async function openSession(graph: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(graph, {
      executionProviders: ["wasm"],
      // static_build.py has done that, by the same runtime.
      graphOptimizationLevel: "disabled",
      // As in Python: a plan of the next run's memory makes no run faster.
      enableMemPattern: false,
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw faultOf(error);
  }
}

async function run(
  session: InferenceSession,
  { preprocessing: { size }, gate, recognition }: Manifest,
  canvas: Uint8Array,
): Promise<Outputs> {
  const names = [...OUTPUTS, ...(gate ? [NOVELTY] : []), ...(recognition ? RECOGNIZED : [])];
  const input = new Tensor("uint8", canvas, [1, size, size]);
  let found: InferenceSession.ReturnType;
  try {
    found = await session.run({ [INPUT]: input }, names);
  } catch (error) {
    throw faultOf(error);
  }
  const floats = (name: string) => found[name]?.data as Float32Array;
  const [tumor, evidence, types] = OUTPUTS.map(floats);
  if (!tumor || !evidence || !types) throw new ModelError("broken", "The graph lacks an output.");
  return {
    tumor: tumor[0] ?? NaN,
    evidence: { cells: Math.round(Math.sqrt(evidence.length)), logits: evidence.slice() },
    types: types.slice(),
    novelty: gate ? (floats(NOVELTY)[0] ?? NaN) : null,
    sequence: recognition ? floats("sequence").slice() : null,
    plane: recognition ? floats("plane").slice() : null,
  };
}

/** The runtime and the browser word what they lack in many ways. */
export function faultOf(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (/memory|allocat|RangeError|bad_alloc/i.test(message))
    return new ModelError("memory", message);
  if (/wasm|WebAssembly|backend/i.test(message)) return new ModelError("no-wasm", message);
  return new ModelError("broken", message);
}
