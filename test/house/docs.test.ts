import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type Link, MarkdownPage, markdownPages } from "../helpers/markdown.js";
import { MarkdownPrograms } from "../helpers/markdown-programs.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const pages = markdownPages();
const examples = new MarkdownPrograms(pages);
const readme = examples.programs.filter(({ place }) => place.startsWith("README.md:"));

afterAll(() => examples.remove());

test("the pages are found", () => {
  expect(pages.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["README.md", "CHANGELOG.md", "docs/README.md"]),
  );
});

test("all TypeScript in the pages compiles against the sources", async () => {
  expect(await examples.complaints()).toBe("");
}, 90_000);

describe("the README's code", () => {
  test("is there, and says what it prints", () => {
    expect(readme.length).toBeGreaterThanOrEqual(2);
    expect(readme.filter(({ promised }) => promised.length === 0)).toEqual([]);
  });

  test.each(readme.map((program) => [program.place, program] as const))(
    "prints what it says: %s",
    async (_, program) => {
      const servers = process.env["ZK_TEST_CONNECT"] ?? "";
      expect(await examples.output(program, { ZK_LOCK_SERVERS: servers })).toEqual(program.promised);
    },
  );

  test("imports only what package.json exports", async () => {
    const exported = await exportedNames();
    const imported = readme.flatMap(({ code }) =>
      [...code.matchAll(/from "(zk-lock-manager[^"]*)"/g)].map(([, name]) => name),
    );
    expect(imported.filter((name) => name === undefined || !exported.includes(name))).toEqual([]);
  });
});

describe.each(pages.map((page) => [page.path, page] as const))("%s", (_, page) => {
  test("has no link that leads nowhere", () => {
    expect(page.links.filter((link) => !isOutside(link)).flatMap((link) => faultOf(page, link))).toEqual([]);
  });
});

test("the index of docs/ names each page in it", () => {
  const index = new MarkdownPage("docs/README.md");
  const named = index.links.map((link) => index.destination(link).path);
  const missing = pages.map(({ path }) => path).filter((path) => path.startsWith("docs/") && path !== index.path);
  expect(missing.filter((path) => !named.includes(path))).toEqual([]);
});

async function exportedNames(): Promise<string[]> {
  const { default: description } = (await import("../../package.json", { with: { type: "json" } })) as {
    default: { exports: Record<string, unknown> };
  };
  return Object.keys(description.exports).map((subpath) => join("zk-lock-manager", subpath));
}

/** What is not ours to check: other people's sites. */
function isOutside({ target }: Link): boolean {
  return /^[a-z]+:/.test(target);
}

function faultOf(page: MarkdownPage, link: Link): string[] {
  const { path, anchor } = page.destination(link);
  const where = `${page.path}:${link.line}: ${link.target}`;
  if (path.startsWith("..") || !existsSync(join(ROOT, path))) return [`${where}: there is no ${path}`];
  if (anchor === undefined || !path.endsWith(".md")) return [];
  const { anchors } = path === page.path ? page : new MarkdownPage(path);
  return anchors.has(anchor) ? [] : [`${where}: ${path} has no heading #${anchor}`];
}
