import { RawClient } from "../helpers/raw-client.js";
import { ask, mode } from "../helpers/server-statistics.js";
import type { ZooKeeperServer } from "../helpers/zookeeper-server.js";

/** What stands below the root, as one server shows it: `<resource>/<ticket>` in order, and the resources without any. */
export interface View {
  readonly server: string;
  readonly tickets: readonly string[];
  readonly empty: readonly string[];
}

/** Asks each server by itself, past the proxies. Behind the session that is opened for it, a server lags in nothing. */
export function viewsOf(servers: readonly ZooKeeperServer[], rootDir: string): Promise<View[]> {
  return Promise.all(servers.map(({ connectString }) => viewOf(connectString, rootDir)));
}

async function viewOf(server: string, rootDir: string): Promise<View> {
  const raw = await RawClient.connect(server);
  try {
    const resources = await raw.children(rootDir);
    const queues = await Promise.all(
      resources.map(async (resource) =>
        (await raw.children(`${rootDir}/${resource}`)).map((ticket) => `${resource}/${ticket}`),
      ),
    );
    return {
      server,
      tickets: queues.flat().sort(),
      empty: resources.filter((_, index) => queues[index]!.length === 0),
    };
  } finally {
    await raw.close();
  }
}

/** What one server shows and another does not, one line for each; none: they agree. Empty directories come and go by themselves. */
export function disagreements(views: readonly View[]): string[] {
  const all = new Set(views.flatMap(({ tickets }) => tickets));
  return [...all]
    .filter((ticket) => !views.every(({ tickets }) => tickets.includes(ticket)))
    .map((ticket) => {
      const shown = views.filter(({ tickets }) => tickets.includes(ticket)).map(({ server }) => server);
      return `${ticket} is shown by ${shown.join(", ")} only`;
    });
}

/** What a server says of itself, and what it shows, for people. */
export async function describeServer({ connectString }: ZooKeeperServer, rootDir: string): Promise<string> {
  const [role, sessions, watches, view] = await Promise.all([
    mode(connectString),
    ask(connectString, "cons").catch(String),
    ask(connectString, "wchp").catch(String),
    viewOf(connectString, rootDir).catch(String),
  ]);
  return [`${connectString}: ${role ?? "no answer"}, shows ${JSON.stringify(view)}`, sessions, watches].join("\n");
}
