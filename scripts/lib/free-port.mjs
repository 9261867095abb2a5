import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Ports below those that the kernel hands to outgoing connections (32768 on Linux, 49152 on macOS). A client that retries a
 * closed port inside that range can be given the very same number as its own and then talks to itself; and a server that
 * restarts could find its port taken by somebody's outgoing connection.
 */
const LOWEST = 11_000;
const HIGHEST = 32_000;

/** Given out in this process: a port is bound later than it is chosen, so asking the kernel alone would not do. */
const given = new Set();

/**
 * A loopback port that nobody listens on, and that this process gives out once only.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (!given.has(port) && (await canListen(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`No free loopback port was found between ${LOWEST} and ${HIGHEST}.`);
}

function canListen(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
