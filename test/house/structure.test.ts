import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "@jest/globals";
import { isIn, readRooms } from "./rooms.js";
import { ROOT, Sources } from "./sources.js";

const rooms = await readRooms();
const sources = Sources.read();
const page = readFileSync(join(ROOT, "docs/structure.md"), "utf8");

/** The files of the numbered list, as they come; those that an item only mentions are left out. */
const tour = [...page.matchAll(/^\d+\. \[([^\]]+)\]\(\.\.\/([^)]+)\)/gm)].map(([, name, path]) => ({
  name: name!,
  path: path!,
}));

function floorOf(path: string): number {
  return rooms.findIndex((room) => isIn(room, path));
}

test("the tour goes from the manager to the wire, and each of its files is there under its name", () => {
  expect(tour[0]?.path).toBe("src/lock-manager.ts");
  expect(tour.at(-1)?.path).toMatch(/^src\/zookeeper\/wire\//);
  expect(tour.filter(({ name, path }) => name !== posix.basename(path) || !sources.paths.includes(path))).toEqual([]);
});

test("every link of the page into the sources leads to a file or a folder", () => {
  const linked = [...page.matchAll(/\]\(\.\.\/(src\/[^)#]*)\)/g)].map(([, path]) => path!);
  expect(linked.length).toBeGreaterThan(tour.length);
  expect(linked.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test("no step of the tour goes up to a room above the one before", () => {
  const steps = tour.slice(1).map(({ path }, before) => ({ from: tour[before]!.path, to: path }));
  expect(steps.filter(({ from, to }) => floorOf(to) < floorOf(from))).toEqual([]);
});

test("no file of the tour imports one that stands before it, but for the contract that an engine keeps", () => {
  const contract = rooms.find(({ name }) => name === "engine")!;
  const back = tour.flatMap(({ path }, index) =>
    tour
      .slice(0, index)
      .flatMap((before) =>
        !isIn(contract, before.path) && sources.importsOf(path).includes(before.path) ? [[path, before.path]] : [],
      ),
  );
  expect(back).toEqual([]);
});

test("the table of rooms is the one that lint goes by", () => {
  const rows = [
    ...page.slice(page.indexOf("## Rooms")).matchAll(/^\| ([\w-]+) +\| (`src[^|]*?) +\| [^|]+ \| ([^|]+?) +\|$/gm),
  ];
  const table = rows.map(([, name, files, may]) => ({ name, files, may }));
  expect(table).toEqual(
    rooms.map(({ name, is, may }) => ({
      name,
      files: [is]
        .flat()
        .map((pattern) => `\`${pattern}\``)
        .join(", "),
      may: may.join(", ") || "–",
    })),
  );
});
