/** Takes the place of lib/engine/engine.ts in `make static`. */
export { engine } from "@/local/engine";
