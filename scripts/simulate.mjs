import { script } from "./lib/progress.mjs";
import { inProject, root } from "./lib/project.mjs";
import { runInForeground } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";

// `npm run simulate -- --seeds 100000` for the long run; `--mutations` breaks the core on purpose, line by line.
await script(async () => {
  await setup();
  const words = process.argv.slice(2);
  const program = words.includes("--mutations") ? "mutate.ts" : "main.ts";
  const args = words.filter((word) => word !== "--mutations");
  return runInForeground(process.execPath, ["--import", "tsx", inProject("test", "simulation", program), ...args], {
    cwd: root,
  });
});
