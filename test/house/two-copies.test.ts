import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Another copy of the built package, with the same packages to import from. */
let copy: string;
beforeAll(async () => {
  await mkdir(join(ROOT, ".cache"), { recursive: true });
  copy = await mkdtemp(join(ROOT, ".cache", "copy-"));
  await cp(join(ROOT, "dist"), join(copy, "dist"), { recursive: true });
  await cp(join(ROOT, "package.json"), join(copy, "package.json"));
});
afterAll(() => rm(copy, { recursive: true }));

test("a client that a manager of one copy of the package has is refused by the other copy, until it is free", async () => {
  const of = (folder: string, file: string) => JSON.stringify(pathToFileURL(join(folder, "dist", file)).href);
  const program = `
    import { ZkLockManager as One } from ${of(ROOT, "index.js")};
    import { InMemoryZooKeeper } from ${of(ROOT, "testing/index.js")};
    import { ZkLockManager as Other } from ${of(copy, "index.js")};
    const client = new InMemoryZooKeeper().client();
    const one = new One().init(client);
    const outcomes = [One !== Other];
    try {
      new Other().init(client);
    } catch (error) {
      outcomes.push(error.code);
    }
    await one.close();
    const other = new Other().init(client);
    outcomes.push(typeof (await other.createLock("r").acquire()));
    await other.close();
    console.log(JSON.stringify(outcomes));
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  expect(JSON.parse(stdout)).toEqual([true, "ERR_INVALID_ARGUMENT", "number"]);
});
