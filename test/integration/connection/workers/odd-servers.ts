import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { serve } from "../../../helpers/worker-side.js";

/** Servers that are no ZooKeeper, in a process of their own: a client that waits for one blocks its own event loop. */
async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A session of 24 days, as ZooKeeper's protocol writes it: length, version, timeout, id, password, not read-only. */
function endlessSession(): Buffer {
  const greeting = Buffer.alloc(41);
  greeting.writeInt32BE(greeting.length - 4, 0);
  greeting.writeInt32BE(2 ** 31 - 1, 8);
  greeting.writeInt32BE(1, 16);
  greeting.writeInt32BE(16, 20);
  return greeting;
}

export const api = {
  http: () => listen(createHttpServer((_request, response) => response.end("hello"))),
  silent: () => listen(createServer((socket) => socket.on("error", () => undefined).resume())),
  rude: () => listen(createServer((socket) => socket.on("error", () => undefined).destroy())),
  // An alert, as a TLS server sends it to somebody who does not speak it.
  tls: () => listen(createServer((socket) => socket.on("error", () => undefined).end("\x15\x03\x03\x00\x02\x02\x46"))),
  garbled: () => listen(createServer((socket) => socket.on("error", () => undefined).end(Buffer.alloc(256, 0xff)))),
  endless: () =>
    listen(
      createServer((socket) => socket.on("error", () => undefined).once("data", () => socket.write(endlessSession()))),
    ),
};

serve(api);
