import { posix } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ESLint, type Linter } from "eslint";
import { isIn, OPEN_TO_ALL, readRooms, type Room } from "./rooms.js";
import { ROOT, Sources } from "./sources.js";

/** Lint is asked about these alone; they need no types. */
const WALLS = ["boundaries/dependencies", "boundaries/no-unknown-files", "import-x/no-cycle"];

const rooms = await readRooms();
const sources = Sources.read();
const eslint = new ESLint({
  cwd: ROOT,
  ruleFilter: ({ ruleId }) => WALLS.includes(ruleId),
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
});

/** What the walls say of `text`, if it were the file at `path`. Nothing is written. */
async function refusals(path: string, text: string): Promise<Linter.LintMessage[]> {
  const [result] = await eslint.lintText(text, { filePath: posix.join(ROOT, path) });
  return result!.messages;
}

function specifier(from: string, to: string): string {
  const way = posix.relative(posix.dirname(from), to).replace(/\.ts$/, ".js");
  return way.startsWith(".") ? way : `./${way}`;
}

function someFileOf(room: Room): string {
  return sources.paths.find((path) => isIn(room, path))!;
}

test("each source is in one room", () => {
  const counts = sources.paths.map((path) => [path, rooms.filter((room) => isIn(room, path)).length] as const);
  expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
});

describe.each(rooms.map((room) => [room.name, room] as const))("a file of %s", (_, room) => {
  test.each([
    ["an import", (to: string) => `import * as planted from "${to}";`],
    ["an import of types", (to: string) => `import type { Planted } from "${to}";`],
    ["a re-export", (to: string) => `export { planted } from "${to}";`],
  ])("may have %s from the rooms of its list only", async (_, plant) => {
    const here = someFileOf(room);
    const others = rooms.filter((other) => other !== room);
    const text = others.map((other) => plant(specifier(here, someFileOf(other)))).join("\n");
    const refused = (await refusals(here, text))
      .filter(({ ruleId }) => ruleId === "boundaries/dependencies")
      .map(({ line }) => others[line - 1]!.name);
    const allowed = [...OPEN_TO_ALL, ...room.may];
    expect(refused).toEqual(others.map(({ name }) => name).filter((name) => !allowed.includes(name)));
  });
});

test("a file outside of all rooms is refused", async () => {
  const ruleIds = (await refusals("src/nowhere/planted.ts", "export const planted = 1;")).map(({ ruleId }) => ruleId);
  expect(ruleIds).toEqual(["boundaries/no-unknown-files"]);
});

test.each([
  ["in one room", "src/queue/own-ticket.ts", "src/queue/contender.ts"],
  ["through a third file", "src/locks/lock.ts", "src/index.ts"],
])("a circle %s is refused", async (_, here, back) => {
  const text = `import * as planted from "${specifier(here, back)}";`;
  expect((await refusals(here, text)).map(({ ruleId }) => ruleId)).toContain("import-x/no-cycle");
});
