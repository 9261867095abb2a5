import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { inProject } from "./lib/project.mjs";

/** Writes the manual page from the built command line; the tests say when it is not current. Run `npm run build` before. */
const { manPage } = await import("../dist/cli/manual/man-page.js");
const file = inProject("docs", "man", "zk-lock.1");
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, manPage());
