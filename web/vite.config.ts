import { transformAsync } from "@babel/core";
import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defaultClientConditions, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SERVER = process.env.TUMORSCOPE_URL ?? "http://127.0.0.1:8000";

/** The static page: `make static`. What differs has a module of the same shape in src/local. */
const STATIC_EDITION = {
  "@/lib/engine/engine": here("./src/local/engine.ts"),
  "@/app/edition": here("./src/local/ui/edition.ts"),
  "@/messages/edition-words": here("./src/local/ui/words.ts"),
};

/**
 * React Compiler: what a component drew is kept until what it was drawn from is another. Answers
 * come several times a second, and each changes one row of a view of hundreds.
 */
const reactCompiler: Plugin = {
  name: "react-compiler",
  enforce: "pre",
  async transform(code, id) {
    const isOurs = /\/src\/.+\.tsx?$/.test(id) && !id.includes("/node_modules/");
    if (!isOurs || id.includes(".test.") || !/\buse[A-Z]|<\/|\/>/.test(code)) return null;
    const made = await transformAsync(code, {
      filename: id,
      babelrc: false,
      configFile: false,
      sourceMaps: true,
      parserOpts: { plugins: id.endsWith("x") ? ["typescript", "jsx"] : ["typescript"] },
      plugins: ["babel-plugin-react-compiler"],
    });
    return made?.code ? { code: made.code, map: made.map } : null;
  },
};

/** A script of its own, before all others of the static page. */
const EARLY = here("./src/local/early.ts");
const startEarly: Plugin = {
  name: "start-early",
  transformIndexHtml: {
    order: "post",
    handler: (html, { bundle }) => {
      const early = Object.values(bundle ?? {}).find(
        (one) => one.type === "chunk" && one.facadeModuleId === EARLY,
      );
      if (!early) return html;
      // Modules run in their order, and none before the policy that static_build.py puts first.
      const script = `<script type="module" crossorigin src="./${early.fileName}"></script>`;
      return html.replace(/<script type="module"/, `${script}\n    $&`);
    },
  },
};

export default defineConfig(({ mode }) => ({
  plugins: [
    reactCompiler,
    ...(mode === "static" ? [startEarly] : []),
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
    ...(mode === "static"
      ? { rolldownOptions: { input: { index: here("./index.html"), early: EARLY } } }
      : {}),
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
