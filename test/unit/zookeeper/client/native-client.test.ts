import { expect, test } from "@jest/globals";
import { ConnectError } from "../../../../src/errors.js";
import { loadPackage } from "../../../../src/zookeeper/client/native-client.js";

const failing = (message: string, code?: string) => async () => {
  await Promise.resolve();
  throw Object.assign(new Error(message), { code });
};

test.each([
  [
    "is not installed",
    failing("Cannot find package 'zookeeper' imported from /app", "ERR_MODULE_NOT_FOUND"),
    "npm install",
  ],
  ["is not built", failing("No native build was found for platform=linux arch=x64\n    attempted …"), "npm rebuild"],
  ["is bundled", failing("Cannot find module '../build/Release'", "MODULE_NOT_FOUND"), "bundles"],
  ["has lost its client in a bundle", () => Promise.resolve({ default: {} }), "bundle"],
  ["has no default export", () => Promise.resolve({}), "bundle"],
])("the package %s: ConnectError, with advice", async (_, load, advice) => {
  const error: unknown = await loadPackage(load).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConnectError);
  expect((error as Error).message).toContain("The `zookeeper` package");
  expect((error as Error).message).toContain(advice);
  expect((error as Error).message).not.toContain("\n");
});

test("the package's own error is the cause", async () => {
  const cause = new Error("No native build was found");
  await expect(loadPackage(() => Promise.reject(cause))).rejects.toMatchObject({ cause });
});

test("the package is there", async () => {
  expect(await loadPackage()).toEqual(expect.any(Function));
});
