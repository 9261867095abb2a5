import js from "@eslint/js";
import boundaries from "eslint-plugin-boundaries";
import { importX } from "eslint-plugin-import-x";
import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import tseslint from "typescript-eslint";

/**
 * Who may import whom: for each room of src/ the rooms that it may look into, besides itself. docs/structure.md says what each
 * room is. Everybody may import `errors` and `common`; the order of this table is the order of the floors.
 */
export const ROOMS = {
  cli: { is: "src/cli/**", may: ["index", "testing"] },
  index: {
    is: "src/index.ts",
    may: ["manager", "options", "diagnostics", "locks", "hold", "inspection", "engine", "zookeeper-engine"],
  },
  manager: {
    is: "src/lock-manager.ts",
    may: ["options", "locks", "local", "inspection", "engine", "zookeeper-engine", "hold", "queue"],
  },
  locks: { is: "src/locks/**", may: ["local", "hold", "inspection", "diagnostics", "options", "queue", "engine"] },
  local: { is: "src/local/**", may: ["hold", "queue", "engine", "diagnostics", "options"] },
  hold: { is: "src/hold/**", may: ["queue", "engine", "options"] },
  inspection: { is: "src/inspection/**", may: ["queue", "engine"] },
  diagnostics: { is: "src/diagnostics.ts", may: ["queue", "engine"] },
  queue: { is: "src/queue/**", may: ["engine"] },
  engine: { is: "src/engine/**", may: [] },
  testing: { is: ["src/testing/*.ts", "src/testing/client/**"], may: ["embedded", "ensemble", "zookeeper"] },
  embedded: { is: "src/embedded/**", may: ["ensemble", "zookeeper"] },
  ensemble: {
    is: ["ensemble", "network", "protocol", "time"].map((room) => `src/testing/${room}/**`),
    may: ["zookeeper"],
  },
  fencing: { is: "src/fencing/**", may: [] },
  "zookeeper-engine": { is: "src/zookeeper/zookeeper-engine.ts", may: ["zookeeper", "engine", "options"] },
  zookeeper: { is: "src/zookeeper/*/**", may: ["engine", "options"] },
  options: { is: ["src/options.ts", "src/option-checks.ts"], may: [] },
  common: { is: "src/common/**", may: [] },
  errors: { is: "src/errors.ts", may: [] },
};

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "coverage/", ".cache/"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ["*.js"] }, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-invalid-void-type": "off",
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }],
      "max-lines": ["error", { max: 250, skipBlankLines: true }],
    },
  },
  { files: ["*.config.*", "**/*.mjs"], rules: { "no-restricted-exports": "off" } },
  {
    files: ["**/*.js", "**/*.mjs"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        Buffer: "readonly",
      },
    },
  },
  { files: ["test/**"], rules: { "max-lines": "off", "@typescript-eslint/no-non-null-assertion": "off" } },
  {
    files: ["src/**"],
    plugins: { boundaries, "import-x": importX },
    settings: {
      // Without this the plug-in reads no TypeScript, and finds no circle.
      "import-x/extensions": [".ts"],
      "import-x/resolver-next": [createTypeScriptImportResolver({ project: "tsconfig.json" })],
      "import/resolver": { typescript: { project: "tsconfig.json" } },
      "boundaries/files": Object.entries(ROOMS).map(([category, { is }]) => ({ category, pattern: is })),
    },
    rules: {
      "import-x/no-cycle": "error",
      "boundaries/no-unknown-files": "error",
      "boundaries/dependencies": [
        "error",
        {
          default: "disallow",
          message: "Not from this room: see docs/structure.md.",
          policies: Object.entries(ROOMS).map(([room, { may }]) => ({
            from: { file: { categories: room } },
            allow: { to: { file: { categories: { anyOf: [room, "errors", "common", ...may] } } } },
          })),
        },
      ],
    },
  },
);
