import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findJava } from "./java.mjs";
import { findZooKeeperJars } from "./zookeeper-jars.mjs";

/** Where servers lie that distributions keep out of an ordinary user's path. */
const SERVER_PATHS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];
const DEBIAN_PYTHON = "/usr/bin/python3";

/**
 * What the machine needs beside Node, a line each: what it is for (`setup` asks by `need`), how we see that it is there,
 * and the packages that bring it on Debian and Ubuntu and with Homebrew.
 */
export const requirements = [
  { need: "compiler", what: "python3", found: () => inPath("python3"), apt: ["python3"], brew: ["python3"] },
  { need: "compiler", what: "make", found: () => inPath("make"), apt: ["make"], brew: ["make"] },
  { need: "compiler", what: "a C++ compiler", found: () => inPath("g++", "c++"), apt: ["g++"], brew: ["gcc"] },
  { need: "terminal", what: "python3", found: () => inPath("python3"), apt: ["python3"], brew: ["python3"] },
  { need: "terminal", what: "bash", found: () => inPath("bash"), apt: ["bash"], brew: ["bash"] },
  { need: "zookeeper", what: "Java", found: findJava, apt: ["default-jre-headless"], brew: ["openjdk"] },
  // The library package holds the whole server; `zookeeper` would add a desktop Java and a system user.
  {
    need: "zookeeper",
    what: "ZooKeeper",
    found: findZooKeeperJars,
    apt: ["libzookeeper-java", "libslf4j-java"],
    brew: ["zookeeper"],
  },
  { need: "databases", what: "PostgreSQL", found: findPostgres, apt: ["postgresql"], brew: ["postgresql@16"] },
  {
    need: "databases",
    what: "MariaDB",
    found: () => inPath("mariadbd", "mysqld"),
    apt: ["mariadb-server"],
    brew: ["mariadb"],
  },
  { need: "databases", what: "Redis", found: () => inPath("redis-server"), apt: ["redis-server"], brew: ["redis"] },
  { need: "curator", what: "Apache Curator", found: findCurator, apt: ["libcurator-recipes-java"], brew: [] },
  // The peer that speaks for Curator is run from its source.
  {
    need: "curator",
    what: "a Java compiler",
    found: () => inPath("javac"),
    apt: ["default-jdk-headless"],
    brew: ["openjdk"],
  },
  { need: "kazoo", what: "kazoo", found: findKazoo, apt: ["python3", "python3-kazoo"], brew: [] },
];

/** The lines of the table that are asked for, are not met, and can be. `needs`: `{ zookeeper: true, … }`. */
export function missing(needs) {
  return requirements.filter(({ need, found }) => needs[need] && !found());
}

function inPath(...names) {
  const directories = [...(process.env.PATH ?? "").split(delimiter), ...SERVER_PATHS];
  return directories.some((directory) => names.some((name) => existsSync(join(directory, name))));
}

function findPostgres() {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  return versions.some((v) => existsSync(`/usr/lib/postgresql/${v}/bin/postgres`)) || inPath("postgres");
}

function findCurator() {
  return existsSync("/usr/share/java/curator-recipes.jar");
}

function findKazoo() {
  return existsSync(DEBIAN_PYTHON) && existsSync("/usr/lib/python3/dist-packages/kazoo/__init__.py");
}
