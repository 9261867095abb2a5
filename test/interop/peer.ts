import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findJava } from "../../scripts/lib/java.mjs";
import { findZooKeeperJars } from "../../scripts/lib/zookeeper-jars.mjs";
import { reapWithUs } from "../../scripts/lib/reaper.mjs";
import { until } from "../helpers/until.js";

/** Where Debian and Ubuntu put Java libraries, and the Python that their packages are for. */
const JAVA_LIBRARIES = "/usr/share/java";
const PYTHON = "/usr/bin/python3";
const KAZOO = "/usr/lib/python3/dist-packages/kazoo/__init__.py";
const CURATOR = ["curator-recipes", "curator-framework", "curator-client", "guava", "slf4j-api"].map(
  (name) => `${JAVA_LIBRARIES}/${name}.jar`,
);

export type LockKind = "mutex" | "read" | "write";

/** Another library's lock, held or waited for in its own process. */
export interface PeerHold {
  /** Whether it has been granted by now. */
  readonly isHeld: boolean;
  /** Resolves when it is granted; rejects when it is refused. */
  readonly granted: Promise<void>;
  /** Gives it back, and resolves when it is gone. */
  release(): Promise<void>;
}

/** A process that locks with another library; see the two programs in `peers/`. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #answers: string[] = [];
  readonly #exited: Promise<void>;
  #alive = true;
  #errors = "";
  #lastId = 0;

  constructor(command: string, args: readonly string[], marker: string) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    const { stdin, stdout, stderr, pid } = this.#child;
    if (pid === undefined || !stdin || !stdout || !stderr) throw new Error(`${command} did not start.`);
    const forget = reapWithUs({ pid, marker });
    stdin.on("error", () => undefined);
    stderr.on("data", (bytes: Buffer) => (this.#errors = `${this.#errors}${bytes.toString()}`.slice(-4_000)));
    createInterface({ input: stdout }).on("line", (line) => this.#answers.push(line));
    this.#exited = new Promise((resolve) => {
      this.#child.once("close", () => {
        this.#alive = false;
        forget();
        resolve();
      });
    });
  }

  /** Resolves when it is connected. */
  async ready(): Promise<this> {
    await this.#answer(0, "ready", 30_000);
    return this;
  }

  /** Asks for the lock at a path, as a task of its own, and waits `waitMs` (10,000) for it at the most. */
  acquire(kind: LockKind, path: string, waitMs = 10_000): PeerHold {
    const id = (this.#lastId += 1);
    this.#tell(`${id} acquire ${kind} ${path} ${waitMs}`);
    const granted = this.#answer(id, "acquired", waitMs + 5_000);
    granted.catch(() => undefined);
    const isGranted = (): boolean => this.#answers.includes(`${id} acquired`);
    return {
      get isHeld() {
        return isGranted();
      },
      granted,
      release: async () => {
        this.#tell(`${id} release`);
        await this.#answer(id, "released", 5_000);
      },
    };
  }

  async kill(): Promise<void> {
    if (this.#alive) this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async #answer(id: number, wanted: string, timeoutMs: number): Promise<void> {
    const answer = await until(
      () =>
        this.#answers.find((line) => line === `${id} ${wanted}` || new RegExp(`^${id} (refused|failed)`).test(line)) ??
        (this.#alive ? undefined : `the process has ended:\n${this.#errors}`),
      { what: `"${wanted}" of the peer's ${id}`, timeoutMs },
    );
    if (answer !== `${id} ${wanted}`) throw new Error(`The peer answered: ${answer}`);
  }
}

/** Whether Apache Curator and a Java that reads source files are here. */
export function hasCurator(): boolean {
  return findJava() !== undefined && findZooKeeperJars() !== undefined && CURATOR.every((jar) => existsSync(jar));
}

export function hasKazoo(): boolean {
  return existsSync(PYTHON) && existsSync(KAZOO);
}

/** Apache Curator, as its users run it. */
export function startCurator(server: string): Promise<Peer> {
  const program = fileURLToPath(new URL("peers/CuratorPeer.java", import.meta.url));
  const classPath = [...CURATOR, ...(findZooKeeperJars() ?? [])].join(":");
  const flags = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"];
  return new Peer(findJava() ?? "java", [...flags, "-cp", classPath, program, server], program).ready();
}

export function startKazoo(server: string): Promise<Peer> {
  const program = fileURLToPath(new URL("peers/kazoo_peer.py", import.meta.url));
  return new Peer(PYTHON, ["-u", program, server], program).ready();
}
