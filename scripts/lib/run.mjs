import { spawn } from "node:child_process";
import { constants } from "node:os";
import { StepError } from "./progress.mjs";

/**
 * Runs a command to its end and keeps its output to itself; `onLine` gets each line as it comes. A command that fails
 * rejects with all that it wrote.
 */
export function run(command, args, { env, cwd, onLine = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env }, cwd });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output.push(text);
        const line = text.trimEnd().split("\n").at(-1).trim();
        if (line) onLine(line);
      });
    }
    child.once("error", (error) => reject(new StepError(`${command} could not be started: ${error.message}`)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve(output.join(""));
      else reject(new StepError(`${output.join("")}\n${[command, ...args].join(" ")} ended with ${signal ?? code}.`));
    });
  });
}

/** Runs a command that talks to the user itself. Resolves with its exit code, 128 + the signal's number included. */
export function runInForeground(command, args, { env, cwd, onSpawn = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, ...env }, cwd });
    onSpawn(child);
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
  });
}

const signalNumber = (signal) => constants.signals[signal] ?? 0;
