import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { startRedis } from "../../helpers/databases/redis.js";

/** Compiles every ts block of docs/fencing.md as a module of its own, runs it, and compares what it prints with its `// →`. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const run = promisify(execFile);

const guide = readFileSync(join(ROOT, "docs/fencing.md"), "utf8");
const blocks = [...guide.matchAll(/^(#+ .*)$|^```ts\n([\s\S]*?)^```$/gm)].reduce<{ heading: string; code: string }[]>(
  (found, [, heading, code]) => {
    if (code !== undefined) found.push({ heading: found.at(-1)?.heading ?? "", code });
    else if (heading !== undefined) found.push({ heading, code: "" });
    return found;
  },
  [],
);
const examples = blocks.filter(({ code }) => code !== "").map((block, n) => ({ ...block, file: `example-${n}.ts` }));

const directory = mkdtempSync(join(tmpdir(), "zk-lock-docs-"));
const env: Record<string, string> = { ZK_LOCK_TOKEN: "34", SQLITE_FILE: join(directory, "docs.db") };
const closing: { stop(): Promise<void> }[] = [];
let objects: Server;

beforeAll(async () => {
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(tsconfig()));
  for (const { file, code } of examples) writeFileSync(join(directory, file), code);
  const [postgres, mariadb, redis] = await Promise.all([startPostgres(), startMariadb(), startRedis()]);
  closing.push(postgres, mariadb, redis);
  objects = await startObjectStore();
  env["DATABASE_URL"] = postgres.url;
  env["MYSQL_URL"] = mariadb.url;
  env["REDIS_URL"] = redis.url;
  env["ZK_LOCK_SERVERS"] = process.env["ZK_TEST_CONNECT"] ?? "";
  env["OBJECT_STORE_URL"] = `http://127.0.0.1:${(objects.address() as AddressInfo).port}`;
}, 60_000);
afterAll(async () => {
  objects.closeAllConnections();
  objects.close();
  await Promise.all(closing.map((server) => server.stop()));
  rmSync(directory, { recursive: true });
});

describe("the examples of the fencing guide", () => {
  test("are there", () => {
    expect(examples.length).toBeGreaterThanOrEqual(9);
  });

  test("compile against the sources and the real drivers", async () => {
    const outcome = await run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", directory]).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(outcome.stdout).toBe("");
  }, 60_000);

  test.each(examples.map(({ heading, file, code }) => [heading, file, code] as const))(
    "print what they say: %s (%s)",
    async (_, file, code) => {
      const promised = [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => match[1]);
      const args = ["--import", "tsx", join(directory, file)];
      const { stdout } = await run(process.execPath, args, { cwd: directory, env: { ...process.env, ...env } });
      expect(promised.length).toBeGreaterThan(0);
      expect(stdout.trimEnd().split("\n")).toEqual(promised);
    },
  );
});

function tsconfig(): object {
  return {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      noPropertyAccessFromIndexSignature: false,
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules/@types")],
      paths: {
        "zk-lock-manager": [join(ROOT, "src/index.ts")],
        "zk-lock-manager/fencing/memory": [join(ROOT, "src/fencing/memory.ts")],
        "zk-lock-manager/fencing/*": [join(ROOT, "src/fencing/*/index.ts")],
      },
    },
    include: ["*.ts"],
  };
}

/** An object store as far as conditional puts go: ETags, If-Match, If-None-Match, and metadata in x-amz-meta headers. */
async function startObjectStore(): Promise<Server> {
  const kept = new Map<string, { etag: string; fence: string; body: string }>();
  const server = createServer((request, response) => {
    void (async () => {
      const url = request.url ?? "/";
      const now = kept.get(url);
      if (request.method === "GET") {
        if (now) response.writeHead(200, { etag: now.etag, "x-amz-meta-fence": now.fence }).end(now.body);
        else response.writeHead(404).end();
        return;
      }
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const { "if-match": match, "if-none-match": noneMatch, "x-amz-meta-fence": fence } = request.headers;
      if ((match !== undefined && match !== now?.etag) || (noneMatch === "*" && now)) {
        response.writeHead(412).end();
        return;
      }
      const body = Buffer.concat(parts).toString();
      const etag = `"${createHash("sha256")
        .update(`${String(fence)} ${body}`)
        .digest("hex")}"`;
      kept.set(url, { etag, fence: String(fence), body });
      response.writeHead(200).end();
    })();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}
