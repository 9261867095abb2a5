import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import ts from "typescript";

/** What a program can import: the sources of package.json's exports. */
const ENTRIES = [
  "src/index.ts",
  "src/testing/index.ts",
  "src/fencing/memory.ts",
  "src/fencing/sqlite/index.ts",
  "src/fencing/postgres/index.ts",
  "src/fencing/mysql/index.ts",
  "src/fencing/redis/index.ts",
];

/** What has an example in its docstring: the first calls that a reader makes. */
const WITH_EXAMPLE = [
  "ZkLockManager.connect",
  "ZkLockManager.createSemaphore",
  "ZkLockManager.createReadWriteLock",
  "ZkLockManager.createMultiLock",
  "ZkLockManager.watch",
  "ZkLock.acquire",
  "ZkLock.using",
  "memoryFence",
  "sqliteFence",
  "postgresFence",
  "mysqlFence",
  "redisFence",
];

/** The rooms whose lines are at most MAX_COLUMNS wide, comments too. Prettier leaves comments as they are. */
const NARROW_ROOMS = ["common", "fencing", "locks", "testing", "options.ts", "errors.ts", "diagnostics.ts", "index.ts"];
const MAX_COLUMNS = 120;

const root = join(import.meta.dirname, "../..");
const source = join(root, "src");

const program = ts.createProgram({
  rootNames: ENTRIES.map((entry) => join(root, entry)),
  options: { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, strict: true, types: ["node"] },
});
const checker = program.getTypeChecker();

/** By the name that a reader would say, such as "ZkLock.acquire". */
const published = new Map<string, ts.Symbol>();
for (const entry of ENTRIES) {
  const file = program.getSourceFile(join(root, entry));
  const module = file && checker.getSymbolAtLocation(file);
  if (!module) throw new Error(`${entry} is no module.`);
  for (const exported of checker.getExportsOfModule(module)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    published.set(exported.name, symbol);
    for (const member of membersOf(symbol)) published.set(`${exported.name}.${member.name}`, member);
  }
}

describe("the public types", () => {
  it("say what each exported name and each of its members is", () => {
    expect(published.size).toBeGreaterThan(200);
    const silent = [...published].filter(([, symbol]) => !isExplained(symbol)).map(([name]) => name);
    expect(silent).toEqual([]);
  });

  it("show an example where a reader begins", () => {
    const without = WITH_EXAMPLE.filter((name) => !tagsOf(name).includes("example"));
    expect(without).toEqual([]);
  });
});

it("no line is wider than a screen, comments included", () => {
  const wide = NARROW_ROOMS.flatMap(filesOf).flatMap((file) =>
    readFileSync(join(source, file), "utf8")
      .split("\n")
      .flatMap((line, index) => (line.length > MAX_COLUMNS ? [`${file}:${index + 1}`] : [])),
  );
  expect(wide).toEqual([]);
});

/** What a caller sees of a class, an interface or an object type that is declared here. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  if (!(symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias))) {
    return valueMembersOf(symbol);
  }
  const statics = symbol.exports ? [...symbol.exports.values()] : [];
  const declared = checker.getDeclaredTypeOfSymbol(symbol);
  // What tells the members of a union apart is explained by the union.
  const own = declared.isUnion() ? [] : checker.getPropertiesOfType(declared);
  return [...statics, ...own].filter(isOurs);
}

/** The members of an exported constant, such as a table of names. */
function valueMembersOf(symbol: ts.Symbol): ts.Symbol[] {
  if (!(symbol.flags & ts.SymbolFlags.Variable)) return [];
  return checker.getPropertiesOfType(checker.getTypeOfSymbol(symbol)).filter(isOurs);
}

/** Whether it is declared in src/ for everybody: not by Node, not private, and not marked as internal. */
function isOurs(member: ts.Symbol): boolean {
  const declarations = member.declarations ?? [];
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (
    declarations.length > 0 &&
    !(member.flags & ts.SymbolFlags.Prototype) &&
    declarations.every(
      (declaration) =>
        declaration.getSourceFile().fileName.startsWith(source) &&
        !ts.isPrivateIdentifier(ts.getNameOfDeclaration(declaration) ?? declaration) &&
        !(ts.getCombinedModifierFlags(declaration) & hidden),
    ) &&
    !member.getJsDocTags(checker).some(({ name }) => name === "internal")
  );
}

/** Whether it has a sentence of its own, or one of the type that it implements or overrides. */
function isExplained(symbol: ts.Symbol): boolean {
  return ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== "";
}

function tagsOf(name: string): string[] {
  const symbol = published.get(name);
  if (symbol === undefined) throw new Error(`Nothing is published as ${name}.`);
  return symbol.getJsDocTags(checker).map((tag) => tag.name);
}

function filesOf(room: string): string[] {
  if (room.endsWith(".ts")) return [room];
  return readdirSync(join(source, room), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(room, file));
}
