import { join } from "node:path";
import mysql from "mysql2/promise";
import { freePort } from "../../../scripts/lib/free-port.mjs";
import { type DatabaseOptions, type DatabaseServer, DatabaseProcess, findProgram } from "./database-process.js";

/** Starts a MariaDB server of our own, on a free loopback port, with an empty database `test`. */
export async function startMariadb({ durable = false }: DatabaseOptions = {}): Promise<DatabaseServer> {
  const port = await freePort();
  const url = `mysql://root@127.0.0.1:${port}/test`;
  const server = await new DatabaseProcess({
    name: "mariadb",
    user: "mysql",
    prepare: (process) => {
      const data = `--datadir=${join(process.directory, "data")}`;
      const options = ["--auth-root-authentication-method=normal", "--skip-test-db"];
      process.run(findProgram("mariadb-install-db", "mariadb-server"), "--no-defaults", data, ...options);
    },
    command: (directory) => [
      findProgram("mariadbd", "mariadb-server"),
      "--no-defaults",
      `--datadir=${join(directory, "data")}`,
      `--socket=${join(directory, "socket")}`,
      `--pid-file=${join(directory, "pid")}`,
      "--bind-address=127.0.0.1",
      `--port=${port}`,
      `--innodb-flush-log-at-trx-commit=${durable ? 1 : 0}`,
      "--innodb-buffer-pool-size=32M",
    ],
    isReady: async () => {
      const connection = await mysql.createConnection({ host: "127.0.0.1", port, user: "root" });
      await connection.query("CREATE DATABASE IF NOT EXISTS test");
      await connection.end();
      return true;
    },
  }).start();
  return { url, port, stop: () => server.stop() };
}
