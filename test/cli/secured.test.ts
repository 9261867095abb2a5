import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { RawClient } from "../helpers/raw-client.js";
import { start, zkLock } from "./command.js";
import { useFixture } from "./fixture.js";

const CREDENTIALS = "alice:secret:with:colons";
const AUTH = { ZK_LOCK_AUTH: `digest:${CREDENTIALS}` };
const { place, directory, servers, root } = useFixture("secured", removeDirectories);

/** What lets only alice in is hers to delete. */
async function removeDirectories(): Promise<void> {
  const alice = await RawClient.connect(servers);
  await new Promise((resolve) => {
    alice.client.add_auth("digest", CREDENTIALS, resolve);
    alice.client.a_sync("/", () => undefined);
  });
  await alice.deleteall(root);
  await alice.close();
}

let files = 0;
afterEach(() => {
  files += 1;
});
function credentialsFile(content: string, mode = 0o600): string {
  const file = join(directory, `credentials-${files}`);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

test("credentials of the environment secure a resource, and let us in again; the command does not inherit them", async () => {
  const child = ["sh", "-c", 'echo "auth: $ZK_LOCK_AUTH."; exec sleep 60'];
  const holder = start(["run", ...place, "mine", ...child], { env: AUTH });
  await holder.says("auth: .");
  const refused = await zkLock(["run", ...place, "-w", "0", "mine", "true"]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch(/^zk-lock: The ACL of .* does not let this session in; see --auth-file\.\n$/);
  const busy = await zkLock(["run", ...place, "-v", "-w", "0", "mine", "true"], { env: AUTH });
  expect(busy.stderr).toContain('"mine" is held by');
  expect(busy.stderr).not.toContain("secret");
  const token = /\d+/.exec((await zkLock(["show", ...place, "mine"], { env: AUTH })).stdout.split("TOKEN")[1] ?? "");
  expect(token).not.toBeNull();
  holder.signal("SIGTERM");
  await holder.ended;
});

test("every subcommand takes them from a file", async () => {
  const file = credentialsFile(`digest:${CREDENTIALS}\n`);
  const auth = ["--auth-file", file];
  const holder = start([
    "run",
    ...place,
    ...auth,
    "by-file",
    "sh",
    "-c",
    'echo "token $ZK_LOCK_TOKEN."; exec sleep 60',
  ]);
  await holder.says(/token \d+\./);
  const token = /\d+/.exec(holder.stdout)?.[0] ?? "";
  expect((await zkLock(["ls", ...place, ...auth])).stdout).toMatch(/^by-file +mutex /m);
  expect((await zkLock(["show", ...place, ...auth, "by-file"])).stdout).toContain(token);
  const watcher = start(["watch", ...place, ...auth, "by-file"]);
  const release = ["release", ...place, "--force", "--yes", "--token", token];
  expect((await zkLock([...release, "by-file"])).code).toBe(1);
  expect(await zkLock([...release, ...auth, "by-file"])).toMatchObject({ code: 0 });
  expect((await holder.ended).code).toBe(2);
  // Locked once more, since it may have begun to watch after that.
  expect(await zkLock(["run", ...place, ...auth, "by-file", "true"])).toMatchObject({ code: 0, stderr: "" });
  await watcher.says("by-file");
  watcher.signal("SIGTERM");
  await watcher.ended;
});

test("ls says of a secured resource that there is no access, and shows the others", async () => {
  const secured = start(["run", ...place, "secured", "sh", "-c", "echo held; exec sleep 60"], { env: AUTH });
  const open = start(["run", ...place, "-i", "somebody", "open", "sh", "-c", "echo held; exec sleep 60"]);
  await Promise.all([secured.says("held"), open.says("held")]);
  const { code, stdout } = await zkLock(["ls", ...place]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^open +mutex +somebody /m);
  expect(stdout).toMatch(/^secured +no access +- +- +-$/m);
  const json = JSON.parse((await zkLock(["ls", ...place, "--json"])).stdout) as { resource: string }[];
  expect(json).toContainEqual({ resource: "secured", error: "no access" });
  expect(json).toContainEqual(expect.objectContaining({ resource: "open", kind: "mutex" }));
  for (const holder of [secured, open]) holder.signal("SIGTERM");
  await Promise.all([secured.ended, open.ended]);
});

test("a file that everybody can read is told of", async () => {
  const file = credentialsFile(`digest:${CREDENTIALS}`, 0o644);
  const { code, stderr } = await zkLock(["run", ...place, "--auth-file", file, "warned", "true"]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: `zk-lock: Everybody on this machine can read or change ${file}: chmod 600 it.\n`,
  });
});

test("what is no credentials is refused with 64, and not repeated", async () => {
  for (const wrong of ["secret", "plain:alice:secret", "digest:secret", ""]) {
    const byFile = await zkLock(["ls", ...place, "--auth-file", credentialsFile(wrong)]);
    expect(byFile.code).toBe(64);
    expect(byFile.stderr).toContain("is not of the form digest:user:password");
    expect(byFile.stderr).not.toContain("secret");
  }
  expect((await zkLock(["ls", ...place], { env: { ZK_LOCK_AUTH: "alice:secret" } })).code).toBe(64);
  expect((await zkLock(["ls", ...place, "--auth-file", join(directory, "none")])).code).toBe(64);
  const onTheLine = await zkLock(["run", ...place, "--auth-file", `digest:${CREDENTIALS}`, "a", "true"]);
  expect(onTheLine).toMatchObject({ code: 64 });
  expect(onTheLine.stderr).not.toContain("secret");
});
