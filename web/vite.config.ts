import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defaultClientConditions } from "vite";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SERVER = process.env.TUMORSCOPE_URL ?? "http://127.0.0.1:8000";

/** The static page: `make static`. What differs has a module of the same shape in src/local. */
const STATIC_EDITION = {
  "@/lib/engine/engine": here("./src/local/engine.ts"),
  "@/app/edition": here("./src/local/ui/edition.ts"),
  "@/messages/edition-words": here("./src/local/ui/words.ts"),
};

export default defineConfig(({ mode }) => ({
  plugins: [
    react(),
    { ...optimizeLocales.vite({ locales: ["en-US", "de-DE"] }), enforce: "pre" as const },
  ],
  resolve: {
    // ONNX Runtime then starts the file that static_build.py puts beside the page.
    conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions],
    alias: {
      ...(mode === "static" ? STATIC_EDITION : {}),
      "@": here("./src"),
      // jsPDF loads these only to draw HTML and SVG, which the report does not.
      canvg: here("./src/lib/nothing.ts"),
      dompurify: here("./src/lib/nothing.ts"),
      html2canvas: here("./src/lib/nothing.ts"),
    },
  },
  base: "./",
  build: {
    outDir: mode === "static" ? "dist-static" : "../src/tumorscope/serving/static",
    emptyOutDir: true,
    // Fonts and pictures as files: the content security policy allows data: for pictures only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" as const },
  server: { proxy: { "/api": SERVER } },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    css: false,
    testTimeout: 30_000,
    maxWorkers: 2,
  },
}));
