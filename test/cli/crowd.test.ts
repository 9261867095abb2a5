import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const CROWD = 50;
const { place, directory } = useFixture("crowd");

test(`${CROWD} at once on a counter in a file: none is lost, and no token comes twice`, async () => {
  const file = join(directory, "counter");
  writeFileSync(file, "0\n");
  const increment = `read n < "${file}"; sleep 0.01; echo $((n + 1)) > "${file}"; echo $ZK_LOCK_TOKEN`;
  const crowd = await Promise.all(
    Array.from({ length: CROWD }, () => zkLock(["run", ...place, "-t", "60", "counter", "--", "sh", "-c", increment])),
  );
  expect(crowd.map(({ code, stderr }) => ({ code, stderr }))).toEqual(crowd.map(() => ({ code: 0, stderr: "" })));
  expect(readFileSync(file, "utf8")).toBe(`${CROWD}\n`);
  expect(new Set(crowd.map(({ stdout }) => Number(stdout))).size).toBe(CROWD);
}, 60_000);
