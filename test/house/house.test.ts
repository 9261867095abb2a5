import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ROOT, Sources } from "./sources.js";

const LONGEST_FILE = 250;

const sources = Sources.read();
const entries = entryPoints();

describe("the sources", () => {
  test("are found, with what they import", () => {
    expect(sources.paths).toEqual(expect.arrayContaining(["src/index.ts", "src/lock-manager.ts"]));
    expect(sources.importsOf("src/index.ts")).toContain("src/lock-manager.ts");
    expect(sources.lostImports()).toEqual([]);
    expect(entries).toEqual(expect.arrayContaining(["src/index.ts", "src/testing/index.ts"]));
    expect(entries.filter((entry) => !sources.paths.includes(entry))).toEqual([]);
  });

  test(`have no file of more than ${LONGEST_FILE} lines that are not blank`, () => {
    expect(sources.longerThan(LONGEST_FILE)).toEqual([]);
  });

  test("have no file but an index that only exports what others have", () => {
    expect(sources.detours()).toEqual([]);
  });

  test("have no circle of imports, types included", () => {
    expect(sources.circles()).toEqual([]);
  });

  test("declare each name that users can import once", () => {
    expect(sources.ambiguousNames(entries)).toEqual([]);
  });
});

/** The same checks on sources with one fault each. */
describe("a fault is seen:", () => {
  test("a file that is one line too long", () => {
    const text = "const a = 1;\n".repeat(LONGEST_FILE);
    const planted = new Sources({ "src/fits.ts": `${text}\n\n`, "src/too-long.ts": `${text}const b = 2;\n` });
    expect(planted.longerThan(LONGEST_FILE)).toEqual(["src/too-long.ts: 251 lines"]);
  });

  test("a file that is a detour", () => {
    const planted = new Sources({
      "src/a/index.ts": 'export { b } from "../b.js";\n',
      "src/b.ts": 'export { c as b } from "./c.js";\n',
      "src/c.ts": 'export { d } from "./d.js";\nexport const c = 1;\n',
    });
    expect(planted.detours()).toEqual(["src/b.ts"]);
  });

  test("an import of nothing", () => {
    const planted = new Sources({ "src/a.ts": 'import { b } from "./b.js";\nimport fs from "node:fs";\n' });
    expect(planted.lostImports()).toEqual(["src/a.ts: src/b.ts"]);
  });

  test.each(['import type { A } from "../a.js";', 'export type B = import("../a.js").A;', 'await import("../a.js");'])(
    "a circle through %s",
    (back) => {
      const planted = new Sources({
        "src/a.ts": 'import { b } from "./b/b.js";\n',
        "src/b/b.ts": 'import { c } from "./c.js";\nimport { d } from "./d.js";\n',
        "src/b/c.ts": "export const c = 1;\n",
        "src/b/d.ts": `import { c } from "./c.js";\n${back}\n`,
      });
      expect(planted.circles()).toEqual(["src/a.ts → src/b/b.ts → src/b/d.ts → src/a.ts"]);
    },
  );

  test("a public name with a second meaning", () => {
    const planted = new Sources({
      "src/index.ts": 'export type { Hold } from "./hold.js";\nexport type { Open as Client } from "./client.js";\n',
      "src/hold.ts": "export interface Hold { a: 1 }\ninterface Inner { a: 1 }\n",
      "src/other.ts": "type Hold = 2;\nclass Inner {}\n",
      "src/client.ts": "export interface Client { a: 1 }\nexport type Open = Client;\n",
    });
    expect(planted.ambiguousNames(["src/index.ts"])).toEqual([
      "Hold: src/hold.ts (Hold), src/other.ts (Hold)",
      "Client: src/client.ts (Client), src/client.ts (Open)",
    ]);
  });
});

/** The files behind the `exports` of package.json. */
function entryPoints(): string[] {
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    exports: Record<string, string | { types: string }>;
  };
  return Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [] : [entry.types.replace(/^\.\/dist\//, "src/").replace(/\.d\.ts$/, ".ts")],
  );
}
