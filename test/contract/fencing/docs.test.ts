import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startMariadb } from "../../helpers/databases/mariadb.js";
import { startPostgres } from "../../helpers/databases/postgres.js";
import { startRedis } from "../../helpers/databases/redis.js";
import { MarkdownPage } from "../../helpers/markdown.js";
import { MarkdownPrograms } from "../../helpers/markdown-programs.js";

/** Runs each ts block of docs/fencing.md as a module of its own, and compares what it prints with its `// →`. */
const examples = new MarkdownPrograms([new MarkdownPage("docs/fencing.md")]);
const directory = mkdtempSync(join(tmpdir(), "zk-lock-docs-"));
const env: Record<string, string> = { ZK_LOCK_TOKEN: "34", SQLITE_FILE: join(directory, "docs.db") };
const closing: { stop(): Promise<void> }[] = [];
let objects: Server;

beforeAll(async () => {
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
  examples.remove();
  rmSync(directory, { recursive: true });
});

describe("the examples of the fencing guide", () => {
  test("are there", () => {
    expect(examples.programs.length).toBeGreaterThanOrEqual(9);
  });

  test.each(examples.programs.map((program) => [program.place, program] as const))(
    "print what they say: %s",
    async (_, program) => {
      expect(program.promised.length).toBeGreaterThan(0);
      expect(await examples.output(program, env)).toEqual(program.promised);
    },
  );
});

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
