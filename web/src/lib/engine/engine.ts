/**
 * The engine of this build. `make static` puts the one inside the browser in this file's place
 * (vite.config.ts), so that neither build carries the other's.
 */
export { engine } from "@/lib/engine/served";
