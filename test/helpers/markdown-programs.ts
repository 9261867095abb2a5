import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { MarkdownPage } from "./markdown.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** A `ts` block of a page, as a module of its own. */
export interface Program {
  /** Where it stands: `README.md:27`. */
  readonly place: string;
  readonly code: string;
  readonly file: string;
  /** What it prints, by its own `// →` comments. */
  readonly promised: readonly string[];
}

/**
 * The `ts` blocks of some pages, written into a temporary directory in which `zk-lock-manager` means our sources. To be
 * removed with `remove()`.
 */
export class MarkdownPrograms {
  readonly programs: readonly Program[];
  readonly #directory = mkdtempSync(join(tmpdir(), "zk-lock-markdown-"));

  constructor(pages: readonly MarkdownPage[]) {
    this.programs = pages.flatMap((page) =>
      page.blocks
        .filter(({ language }) => language === "ts")
        .map(({ code, line }) => ({
          place: `${page.path}:${line}`,
          code,
          file: `${page.path.replaceAll(/[^a-zA-Z]/g, "-")}-${line}.ts`,
          promised: [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text = ""]) => text),
        })),
    );
    symlinkSync(join(ROOT, "node_modules"), join(this.#directory, "node_modules"));
    writeFileSync(join(this.#directory, "package.json"), '{ "type": "module" }');
    writeFileSync(join(this.#directory, "tsconfig.json"), JSON.stringify(tsconfig));
    for (const { file, code } of this.programs) writeFileSync(join(this.#directory, file), code);
  }

  /** What the type checker has to say about them; empty if nothing. */
  async complaints(): Promise<string> {
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    return run(process.execPath, [compiler, "-p", this.#directory]).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { stdout: string }).stdout,
    );
  }

  /** Runs one of them, in the temporary directory; the lines it prints. @throws when it fails, with what it wrote */
  async output({ file }: Program, env: Readonly<Record<string, string>>): Promise<string[]> {
    const options = { cwd: this.#directory, env: { ...process.env, ...env }, timeout: 30_000 };
    const { stdout } = await run(process.execPath, ["--import", "tsx", join(this.#directory, file)], options);
    return stdout.trimEnd().split("\n");
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true });
  }
}

/** As strict as users are, who may write `process.env.NAME`. */
const tsconfig = {
  extends: join(ROOT, "tsconfig.json"),
  compilerOptions: {
    noPropertyAccessFromIndexSignature: false,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    paths: {
      "zk-lock-manager": [join(ROOT, "src/index.ts")],
      "zk-lock-manager/testing": [join(ROOT, "src/testing/index.ts")],
      "zk-lock-manager/fencing/memory": [join(ROOT, "src/fencing/memory.ts")],
      "zk-lock-manager/fencing/*": [join(ROOT, "src/fencing/*/index.ts")],
    },
  },
  include: ["*.ts"],
};
