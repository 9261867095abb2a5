import { needsOfPrograms } from "./lib/needs.mjs";
import { script } from "./lib/progress.mjs";
import { inProject, root } from "./lib/project.mjs";
import { runInForeground } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";

await script(async () => {
  // Chaos kills servers, so it always brings its own.
  delete process.env.ZK_CONNECT;
  await setup(needsOfPrograms);
  // The program hears Ctrl-C as we do, and comes to an end of its own; we wait for it.
  process.on("SIGINT", () => {});
  let child;
  process.on("SIGTERM", () => child?.kill("SIGTERM"));
  const args = ["--import", "tsx", inProject("test", "chaos", "main.ts"), ...process.argv.slice(2)];
  return runInForeground(process.execPath, args, { cwd: root, onSpawn: (spawned) => (child = spawned) });
});
