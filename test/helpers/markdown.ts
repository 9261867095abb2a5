import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Where pages for people are. */
const FOLDERS = [".", "docs"];

/** A block of code, and the line of the page on which its first line stands. */
export interface CodeBlock {
  /** What stands behind the opening fence. */
  readonly language: string;
  readonly code: string;
  readonly line: number;
}

/** A link as it is written: a path, an anchor, or both; or an address with a scheme. */
export interface Link {
  readonly target: string;
  readonly line: number;
}

/** One page of Markdown. */
export class MarkdownPage {
  /** Relative to the project's root. */
  readonly path: string;
  readonly blocks: readonly CodeBlock[];
  /** The text, line by line; the lines of code blocks are empty. */
  readonly #prose: readonly string[];

  constructor(path: string) {
    this.path = path;
    const { prose, blocks } = split(readFileSync(join(ROOT, path), "utf8"));
    this.#prose = prose;
    this.blocks = blocks;
  }

  get links(): Link[] {
    return this.#prose.flatMap((text, index) => {
      const targets = text.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g);
      return [...targets].map(([, target = ""]) => ({ target, line: index + 1 }));
    });
  }

  /** What an address can end in to lead to a heading, by GitHub's rule. */
  get anchors(): Set<string> {
    const anchors = new Set<string>();
    for (const line of this.#prose) {
      const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
      if (heading === undefined) continue;
      const slug = slugOf(heading);
      let anchor = slug;
      for (let copy = 1; anchors.has(anchor); copy += 1) anchor = `${slug}-${copy}`;
      anchors.add(anchor);
    }
    return anchors;
  }

  /** The file that a link leads to, relative to the project's root, and the anchor behind it. */
  destination({ target }: Link): { path: string; anchor: string | undefined } {
    const [path = "", anchor] = decodeURI(target).split("#", 2);
    const file = path === "" ? this.path : relative(ROOT, resolve(ROOT, dirname(this.path), path));
    return { path: file, anchor };
  }
}

/** All pages of the project, relative to its root. */
export function markdownPages(): MarkdownPage[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: folder !== "." })
      .map(String)
      .filter((name) => name.endsWith(".md"))
      .sort()
      .map((name) => new MarkdownPage(join(folder, name))),
  );
}

function split(text: string): { prose: string[]; blocks: CodeBlock[] } {
  const prose: string[] = [];
  const blocks: CodeBlock[] = [];
  let open: { fence: string; language: string; line: number; code: string[] } | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    const [, fence, language = ""] = /^\s*(`{3,}|~{3,})\s*(.*)$/.exec(line) ?? [];
    if (open === null && fence !== undefined) open = { fence, language, line: index + 2, code: [] };
    else if (open !== null && fence === open.fence && language === "") {
      blocks.push({ language: open.language, line: open.line, code: `${open.code.join("\n")}\n` });
      open = null;
    } else open?.code.push(line);
    prose.push(open === null && fence === undefined ? line : "");
  }
  if (open !== null) throw new Error(`The code block of line ${open.line - 1} is never closed.`);
  return { prose, blocks };
}

function slugOf(heading: string): string {
  const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return plain
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}
