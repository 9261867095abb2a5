import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MUTATIONS, type Mutation } from "./mutations.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MUTANTS = `${ROOT}.cache/mutants`;
const SCHEDULES = 10_000;
const PATIENCE_MS = 1_800_000;
/** The same for all, so that the table can be checked. */
const SEED = 2027;

/** Breaks the core, one line at a time, and has the simulation find it. Prints the table of docs/failure-model.md. */
const survivors: string[] = [];
console.log("| what is broken | in | killed by |\n|---|---|---|");
for (const mutation of MUTATIONS) {
  const verdict = await run(mutation);
  console.log(`| ${mutation.what} | \`${mutation.file}\` | ${verdict ?? "**nothing**"} |`);
  if (verdict === null) survivors.push(mutation.what);
}
await rm(MUTANTS, { recursive: true, force: true });
if (survivors.length > 0) {
  console.error(`Survived: ${survivors.join("; ")}`);
  process.exitCode = 1;
}

/** How the mutant died; null: it lives. */
async function run({ file, from, to }: Mutation): Promise<string | null> {
  await rm(MUTANTS, { recursive: true, force: true });
  await mkdir(`${MUTANTS}/test`, { recursive: true });
  await cp(`${ROOT}src`, `${MUTANTS}/src`, { recursive: true });
  await cp(`${ROOT}test/simulation`, `${MUTANTS}/test/simulation`, { recursive: true });
  const path = `${MUTANTS}/src/${file}`;
  const source = await readFile(path, "utf8");
  if (source.split(from).length !== 2)
    throw new Error(`${file} does not have exactly one «${from}»: mend the mutation.`);
  await writeFile(
    path,
    source.replace(from, () => to),
  );
  const args = ["--import", "tsx", `${MUTANTS}/test/simulation/main.ts`, `--seeds=${SCHEDULES}`, `--seed=${SEED}`];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    timeout: PATIENCE_MS,
    encoding: "utf8",
  });
  if (status === 0) return null;
  if (error !== undefined) return "no end in virtual time";
  const found = /seed: (-?\d+), path: "([\d:]+)"/.exec(stdout + stderr);
  const why = /BrokenPromise: ([^\n:[]+)/.exec(stderr)?.[1] ?? "an unexpected error";
  return found === null ? why.trim() : `\`--seed=${found[1] ?? ""} --path=${found[2] ?? ""}\`: ${why.trim()}`;
}
