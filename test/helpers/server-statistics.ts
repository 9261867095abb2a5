import { fourLetterWord } from "../../scripts/lib/four-letter-word.mjs";

/** Asks the server behind a `host:port` one of its four-letter words: `ruok`, `wchp`, `cons`, `dump` … */
export function ask(connectString: string, word: string): Promise<string> {
  const { hostname, port } = new URL(`tcp://${connectString}`);
  return fourLetterWord(word, { host: hostname, port: Number(port) });
}

/** The server's figures (`mntr`), such as `zk_watch_count`, `zk_ephemerals_count`, `zk_num_alive_connections`. */
export async function monitor(connectString: string): Promise<Map<string, string>> {
  const lines = (await ask(connectString, "mntr")).split("\n").filter((line) => line.includes("\t"));
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

/** What this member of an ensemble is just now; undefined while it serves nobody, or does not answer. */
export async function mode(connectString: string): Promise<"standalone" | "leader" | "follower" | undefined> {
  const answer = await ask(connectString, "srvr").catch(() => "");
  return /^Mode: (standalone|leader|follower)$/m.exec(answer)?.[1] as "standalone" | "leader" | "follower" | undefined;
}

/** The watched paths, each with the number of sessions that watch it (`wchp`). */
export async function watchedPaths(connectString: string): Promise<Map<string, number>> {
  const watched = new Map<string, number>();
  let path = "";
  for (const line of (await ask(connectString, "wchp")).split("\n")) {
    if (line.startsWith("/")) {
      path = line;
      watched.set(path, 0);
    } else if (line.trim() !== "") {
      watched.set(path, (watched.get(path) ?? 0) + 1);
    }
  }
  return watched;
}
