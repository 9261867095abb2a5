import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const { place, directory } = useFixture("node");

function nodeModule(name: string, source: string): string {
  const file = join(directory, name);
  writeFileSync(file, source);
  return file;
}

const run = (...words: string[]) => zkLock(["run", ...place, "-t", "3", "--node", ...words]);

test("a Node module is pinged again and again, gets its arguments, and its exit code is ours", async () => {
  const file = nodeModule(
    "good.mjs",
    `let pings = 0;
     process.on("message", ({ ping }) => {
       process.send({ pong: ping });
       if ((pings += 1) === 4) { console.log(process.argv.slice(2).join("|"), process.env.ZK_LOCK_RESOURCE); process.exit(5); }
     });`,
  );
  const before = performance.now();
  expect(await run("good", "--", file, "a b", "--node")).toMatchObject({
    code: 5,
    stdout: "a b|--node good\n",
    stderr: "",
  });
  // One ping at once, three more at half a second's distance.
  expect(performance.now() - before).toBeGreaterThan(1_500);
});

test("its name needs no extension, as with node", async () => {
  nodeModule("short.js", "process.exit(6)");
  expect((await run("short", join(directory, "short"))).code).toBe(6);
});

test("one that stops answering is ended within the ttl, also if it hangs, and the exit code is 4", async () => {
  const file = nodeModule(
    "hangs.cjs",
    `let pings = 0;
     process.on("message", ({ ping }) => { process.send({ pong: ping }); if ((pings += 1) === 3) for (;;); });`,
  );
  const before = performance.now();
  const { code, stderr } = await run("hangs", file);
  expect(performance.now() - before).toBeLessThan(8_000);
  expect(code).toBe(4);
  expect(stderr).toMatch(/^zk-lock: .*hangs\.cjs did not answer a ping within 3 s, and was ended\.\n$/);
});

test("one that never answers fares no better, and wrong answers are none", async () => {
  const file = nodeModule(
    "wrong.cjs",
    `process.on("message", ({ ping }) => { process.send({ pong: ping + 1000 }); process.send("pong"); process.send({ pong: "x" }); });
     process.on("SIGTERM", () => { console.log("goodbye"); process.exit(0); });`,
  );
  expect(await run("wrong", file)).toMatchObject({ code: 4, stdout: "goodbye\n" });
});
