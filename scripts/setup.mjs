import { say, script } from "./lib/progress.mjs";
import { setup } from "./lib/setup.mjs";
import { needsOfTests } from "./lib/needs.mjs";

await script(async () => {
  await setup(needsOfTests);
  say("Everything is in place.");
});
