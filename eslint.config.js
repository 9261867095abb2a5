import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Who may import whom: DESIGN's table of rooms, so that a wrong arrow fails `npm run lint`. */
const closedTo = (...rooms) => ({
  "no-restricted-imports": [
    "error",
    { patterns: rooms.map((regex) => ({ regex, message: "Not from this room: see docs/structure.md." })) },
  ],
});

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
    files: ["src/*.ts"],
    ignores: ["src/lock-manager.ts", "src/index.ts"],
    rules: closedTo("/zookeeper/(?!port\\.js)", "^zookeeper$", "/cli/", "/fencing/", "/testing/"),
  },
  {
    files: ["src/zookeeper/**"],
    rules: closedTo(
      "/(lock|hold|claim|local-queue|lock-manager|ticket-queue)\\.js$",
      "/cli/",
      "/fencing/",
      "/testing/",
    ),
  },
  {
    files: ["src/fencing/**"],
    rules: closedTo("/(lock|hold|session|lock-manager)\\.js$", "/zookeeper/", "/cli/", "/testing/"),
  },
  { files: ["src/cli/**"], rules: closedTo("^\\.\\./(?!index\\.js$)", "/zookeeper/", "/fencing/", "/testing/") },
);
