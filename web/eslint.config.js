import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import importX from "eslint-plugin-import-x";
import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const FEATURES = ["desk", "reading", "model-card"];

/** A feature may be imported by the app, never by another feature. */
const featureZones = FEATURES.map((feature) => ({
  target: `./src/features/${feature}`,
  from: "./src/features",
  except: [`./${feature}`],
  message: "Features do not import each other; meet in app/ or share through domain/.",
}));

export default tseslint.config(
  { ignores: ["node_modules", "dist-static", "src/api-types.gen.ts", "coverage"] },
  ...tseslint.configs.strictTypeChecked,
  jsxA11y.flatConfigs.strict,
  {
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { "import-x": importX, "react-hooks": reactHooks },
    settings: { "import-x/resolver-next": [createTypeScriptImportResolver()] },
    rules: {
      ...reactHooks.configs.recommended.rules,
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": [
        "error",
        {
          zones: [
            ...featureZones,
            { target: "./src/features", from: "./src/app" },
            {
              target: [
                "./src/app",
                "./src/components",
                "./src/domain",
                "./src/features",
                "./src/lib",
              ],
              from: "./src/local",
              message: "The model inside the browser is put in by vite.config.ts alone.",
            },
            { target: ["./src/components", "./src/domain"], from: ["./src/features", "./src/app"] },
            { target: "./src/domain", from: "./src/components" },
            {
              target: "./src/lib",
              from: ["./src/features", "./src/app", "./src/components", "./src/domain"],
            },
          ],
        },
      ],
      "max-lines": ["error", { max: 220, skipBlankLines: true, skipComments: true }],
      complexity: ["error", 12],
    },
  },
  {
    // Catalogues, and tests of many small cases, are long by nature.
    files: ["src/messages/*.ts", "**/*.gen.ts", "**/*.test.*"],
    rules: { "max-lines": "off" },
  },
  {
    files: ["**/*.js"],
    ...tseslint.configs.disableTypeChecked,
  },
);
