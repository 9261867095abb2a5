/**
 * A process of its own that outlives the one that started it, by a moment. It reads from its standard input what to end,
 * one JSON object a line, and does it when that input ends: which it does however the owner went, `kill -9` included.
 */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { commandLine } from "./process-table.mjs";

const charges = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const { id, forget, ...charge } = JSON.parse(line);
  if (forget) charges.delete(id);
  else charges.set(id, charge);
}

for (const { pid, marker } of charges.values()) {
  // The number may belong to somebody else by now, so the command line has to name what we were told to look for.
  if (!commandLine(pid).includes(marker)) continue;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended between the look and the kill.
  }
}
for (const { directory } of charges.values()) {
  if (directory) rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
}
