import { join } from "node:path";
import pg from "pg";
import { freePort } from "../../../scripts/lib/free-port.mjs";
import {
  type DatabaseOptions,
  type DatabaseServer,
  DatabaseProcess,
  findProgram,
  postgresDirectories,
} from "./database-process.js";

/** Starts a PostgreSQL server of our own, on a free loopback port. */
export async function startPostgres({ durable = false }: DatabaseOptions = {}): Promise<DatabaseServer> {
  const port = await freePort();
  const url = `postgres://tester@127.0.0.1:${port}/postgres`;
  const find = (name: string): string => findProgram(name, "postgresql", postgresDirectories());
  const server = await new DatabaseProcess({
    name: "postgres",
    user: "postgres",
    prepare: (process) => {
      const options = ["--username=tester", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
      process.run(find("initdb"), "-D", join(process.directory, "data"), ...options);
    },
    command: (directory) => {
      const data = join(directory, "data");
      const settings = [
        `fsync=${durable ? "on" : "off"}`,
        `unix_socket_directories=${directory}`,
        "max_connections=60",
      ];
      return [
        find("postgres"),
        "-D",
        data,
        "-h",
        "127.0.0.1",
        "-p",
        String(port),
        ...settings.flatMap((one) => ["-c", one]),
      ];
    },
    isReady: async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.end();
      return true;
    },
  }).start();
  return { url, port, stop: () => server.stop() };
}
