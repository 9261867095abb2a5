import type { Ensemble } from "../testing/ensemble/ensemble.js";

/** The release whose behaviour the ensemble has; clients ask for it. */
const VERSION = "3.8.0-in-memory, built on 2022-02-25 08:49 UTC";

const WORDS: Readonly<Record<string, (ensemble: Ensemble) => string>> = {
  ruok: () => "imok",
  isro: (ensemble) => (ensemble.isReadOnly ? "ro" : "rw"),
  srvr: overview,
  stat: overview,
  envi: () => `Environment:\nzookeeper.version=${VERSION}\n`,
  mntr: (ensemble) => {
    const { tree, watches } = ensemble.leader;
    const lines = [
      ["version", VERSION],
      ["server_state", "standalone"],
      ["num_alive_connections", connected(ensemble)],
      ["global_sessions", ensemble.sessions.all.length],
      ["znode_count", tree.size],
      ["watch_count", watches.size],
      ["ephemerals_count", ephemerals(ensemble)],
    ];
    return lines.map(([name, value]) => `zk_${name}\t${value}\n`).join("");
  },
};

/** What a server answers to an administrator's word of four letters; undefined: it is none. */
export function answerToWord(word: string, ensemble: Ensemble): string | undefined {
  return Object.hasOwn(WORDS, word) ? WORDS[word]?.(ensemble) : undefined;
}

function overview(ensemble: Ensemble): string {
  const lines = [
    `Zookeeper version: ${VERSION}`,
    `Connections: ${connected(ensemble)}`,
    `Zxid: 0x${ensemble.lastZxid.toString(16)}`,
    "Mode: standalone",
    `Node count: ${ensemble.leader.tree.size}`,
  ];
  return `${lines.join("\n")}\n`;
}

function connected({ sessions }: Ensemble): number {
  return sessions.all.filter(({ carrier }) => carrier !== null).length;
}

function ephemerals({ sessions, leader }: Ensemble): number {
  return sessions.all.reduce((sum, { id }) => sum + leader.tree.ephemeralsOf(id).length, 0);
}
