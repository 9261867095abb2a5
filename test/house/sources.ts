import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A name that a file exports, and what it is called where it is declared. */
interface Exported {
  readonly name: string;
  readonly declaredAs: string;
}

/** One file below src/, as far as it can be judged without types. */
class Source {
  readonly path: string;
  readonly nonBlankLines: number;
  /** The files of ours that it names in an import or a re-export, types included. */
  readonly imports: readonly string[];
  readonly #syntax: ts.SourceFile;

  constructor(path: string, text: string) {
    this.path = path;
    this.nonBlankLines = text.split("\n").filter((line) => line.trim() !== "").length;
    this.imports = ts
      .preProcessFile(text)
      .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
      .map(({ fileName }) => posix.join(dirname(path), fileName).replace(/\.js$/, ".ts"));
    this.#syntax = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  }

  get isIndex(): boolean {
    return posix.basename(this.path) === "index.ts";
  }

  /** Whether nothing is in it but what other files have. */
  get onlyReExports(): boolean {
    return this.#syntax.statements.every(
      (statement) => ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement),
    );
  }

  /** The types, classes and functions that it declares, exported or not. */
  get declarations(): string[] {
    return this.#syntax.statements.filter(isNamed).flatMap(({ name }) => (name === undefined ? [] : [name.text]));
  }

  get exports(): Exported[] {
    return this.#syntax.statements.flatMap((statement) => {
      if (isNamed(statement)) {
        const isExported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
        const name = statement.name?.text;
        return isExported && name !== undefined ? [{ name, declaredAs: name }] : [];
      }
      if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) return [];
      if (!ts.isNamedExports(statement.exportClause)) return [];
      return statement.exportClause.elements.map(({ name, propertyName }) => ({
        name: name.text,
        declaredAs: (propertyName ?? name).text,
      }));
    });
  }
}

type Named =
  ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.ClassDeclaration | ts.EnumDeclaration | ts.FunctionDeclaration;

function isNamed(statement: ts.Statement): statement is Named {
  return (
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isFunctionDeclaration(statement)
  );
}

/** All sources together, and what can be wrong with them. Each complaint names its files. */
export class Sources {
  readonly #files: ReadonlyMap<string, Source>;

  constructor(texts: Readonly<Record<string, string>>) {
    this.#files = new Map(Object.entries(texts).map(([path, text]) => [path, new Source(path, text)]));
  }

  /** What is below src/. */
  static read(): Sources {
    const paths = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `src/${name.replaceAll("\\", "/")}`);
    return new Sources(Object.fromEntries(paths.map((path) => [path, readFileSync(join(ROOT, path), "utf8")])));
  }

  get paths(): string[] {
    return [...this.#files.keys()];
  }

  importsOf(path: string): readonly string[] {
    return this.#files.get(path)?.imports ?? [];
  }

  longerThan(lines: number): string[] {
    return this.#complaints(({ path, nonBlankLines }) =>
      nonBlankLines > lines ? [`${path}: ${nonBlankLines} lines`] : [],
    );
  }

  /** Files that are nothing but a detour. An index is there to be one. */
  detours(): string[] {
    return this.#complaints(({ path, isIndex, onlyReExports }) => (onlyReExports && !isIndex ? [path] : []));
  }

  /** Imports of files that are not there: without them the other checks would see less than there is. */
  lostImports(): string[] {
    return this.#complaints(({ path, imports }) =>
      imports.filter((to) => !this.#files.has(to)).map((to) => `${path}: ${to}`),
    );
  }

  /** Each circle of imports that a walk from every file meets, as the way around. */
  circles(): string[] {
    const found: string[] = [];
    const done = new Set<string>();
    const way: string[] = [];
    const walk = (path: string): void => {
      if (way.includes(path)) {
        found.push([...way.slice(way.indexOf(path)), path].join(" → "));
        return;
      }
      if (done.has(path)) return;
      way.push(path);
      this.importsOf(path).forEach(walk);
      way.pop();
      done.add(path);
    };
    this.paths.forEach(walk);
    return found;
  }

  /** Names that users can import from one of `entries`, and that mean something else in another file. */
  ambiguousNames(entries: readonly string[]): string[] {
    const exported = entries.flatMap((entry) => this.#files.get(entry)?.exports ?? []);
    return [...new Set(exported.map(({ name }) => name))].flatMap((name) => {
      const origins = new Set(exported.filter((one) => one.name === name).map(({ declaredAs }) => declaredAs));
      const names = new Set([name, ...origins]);
      const declaredIn = this.#complaints(({ path, declarations }) =>
        declarations.filter((declared) => names.has(declared)).map((declared) => `${path} (${declared})`),
      );
      return declaredIn.length > 1 ? [`${name}: ${declaredIn.join(", ")}`] : [];
    });
  }

  #complaints(of: (source: Source) => string[]): string[] {
    return [...this.#files.values()].flatMap(of);
  }
}
