import { afterAll } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectOptions } from "../../src/index.js";
import { startWorker, type WorkerProcess } from "./processes.js";
import { SERVER, SESSION_MS, type Setting } from "./setting.js";
import type { api } from "./workers/member.js";

export type Member = WorkerProcess<typeof api>;

/** A process of its own, with a manager in it. */
export async function member(setting: Setting, options: ConnectOptions = {}): Promise<Member> {
  const worker = await startWorker<typeof api>(new URL("workers/member.ts", import.meta.url));
  setting.later(() => worker.kill());
  await worker.call("connect", SERVER, { rootDir: setting.root, sessionTimeout: SESSION_MS, ...options });
  return worker;
}

/** A file that several processes append lines to. To be called at the head of a test file. */
export function useNotes(): { file: (name: string) => string; lines: (name: string) => string[] } {
  const directory = mkdtempSync(join(tmpdir(), "zk-lock-family-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const file = (name: string): string => join(directory, name);
  return { file, lines: (name) => readFileSync(file(name), "utf8").trim().split("\n") };
}
