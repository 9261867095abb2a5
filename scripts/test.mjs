import { needsOfTests } from "./lib/needs.mjs";
import { StepError, say, script, step } from "./lib/progress.mjs";
import { inProject, root } from "./lib/project.mjs";
import { run, runInForeground } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";

/** Everything that can be said about the code without running it; each is a Node program of node_modules. */
const CHECKS = [
  { title: "types", program: "typescript/bin/tsc", args: ["-p", "tsconfig.json"] },
  { title: "lint", program: "eslint/bin/eslint.js", args: ["."] },
  { title: "format", program: "prettier/bin/prettier.cjs", args: ["--check", "."] },
];

/** With arguments, which go to jest, somebody works on some tests: they do not wait for the checks. */
const jestArgs = process.argv.slice(2);

await script(async () => {
  await setup(needsOfTests);
  const failed = jestArgs.length > 0 ? [] : await failedChecks();
  const code = await jest();
  // Nothing after jest's summary, unless it would leave the impression that all is well.
  if (failed.length > 0) throw new StepError(`Before the tests, this failed: ${failed.join(", ")}. See above.`);
  return code;
});

async function failedChecks() {
  const failed = [];
  for (const { title, program, args } of CHECKS) {
    try {
      await step(title, (onLine) => node([inProject("node_modules", program), ...args], onLine));
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      say(error.message);
      failed.push(title);
    }
  }
  return failed;
}

function node(args, onLine) {
  return run(process.execPath, args, { cwd: root, onLine });
}

function jest() {
  say("▸ tests");
  // Jest runs ES modules behind a flag, about which each of its processes would warn.
  const quiet = process.allowedNodeEnvironmentFlags.has("--disable-warning")
    ? ["--disable-warning=ExperimentalWarning"]
    : [];
  const flags = ["--experimental-vm-modules", ...quiet];
  return runInForeground(
    process.execPath,
    [...flags, inProject("node_modules", "jest", "bin", "jest.js"), ...jestArgs],
    { cwd: root },
  );
}
