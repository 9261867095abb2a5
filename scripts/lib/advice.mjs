import { platform } from "node:os";

/** The one message for a machine on which we may not install: what is missing, and each of the ways to get it. */
export function advice(missing, why) {
  const apt = unique(missing.flatMap((requirement) => requirement.apt));
  const brew = unique(missing.flatMap((requirement) => requirement.brew));
  const server = missing.some(({ need }) => need === "zookeeper");
  const lines = [
    `Missing on this machine: ${missing.map(({ what }) => what).join(", ")}.`,
    `They could not be installed from here: ${why}.`,
    "",
    `  Debian, Ubuntu   sudo apt-get install -y --no-install-recommends ${apt.join(" ")}`,
    `  macOS            ${macOs(missing, brew)}`,
  ];
  if (server) {
    lines.push(
      "  Docker           docker run -d --rm -p 127.0.0.1:2181:2181 -e ZOO_4LW_COMMANDS_WHITELIST='*' zookeeper:3.9",
      "                   and then set ZK_CONNECT=127.0.0.1:2181",
      "",
      "A server that runs already:             set ZK_CONNECT=host:port (no Java and no ZooKeeper is needed then).",
      "A ZooKeeper release unpacked by hand:   set ZOOKEEPER_HOME=<its folder> (and have a Java, or set JAVA_HOME).",
    );
  }
  lines.push("", "Then run the same command again.");
  return lines.join("\n");
}

function macOs(missing, brew) {
  const compiler = missing.some(({ need }) => need === "compiler") ? "xcode-select --install; " : "";
  const wanted = brew.filter((name) => !["make", "gcc", "python3"].includes(name));
  return `${compiler}${wanted.length > 0 ? `brew install ${wanted.join(" ")}` : ""}`;
}

export function whyNot() {
  if (platform() !== "linux") return "only Debian's and Ubuntu's packages can be";
  return "that needs apt-get, and either root or a sudo that asks no password";
}

const unique = (items) => [...new Set(items)];
