import { createConnection } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { type Address, writeAddress } from "./addresses.js";

/** How long one server is asked, in milliseconds. */
const PATIENCE_MS = 1_000;
/** Each probe is a connection; a long list is told by its first ones. */
const MAX_PROBES = 5;
/** A reply of ZooKeeper's to a connect request has at least so many bytes behind its length, and not many more. */
const [SHORTEST_REPLY, LONGEST_REPLY] = [36, 64];

/** What is found out about a server by knocking at its port. */
export interface Finding {
  /** A sentence about the server, with what to look at. */
  readonly what: string;
  readonly cause?: unknown;
  /** Somebody else answered: no waiting makes a ZooKeeper of it. */
  readonly isStranger: boolean;
}

/**
 * Why there is no session, as far as a plain connection can tell: the native client keeps it to itself. Makes no session on the
 * server, and takes a second or two at the most.
 */
export async function probeServers(addresses: readonly Address[]): Promise<Finding[]> {
  return Promise.all(addresses.slice(0, MAX_PROBES).map(probeServer));
}

async function probeServer(address: Address): Promise<Finding> {
  const name = writeAddress(address);
  const about = (rest: string, more: Partial<Finding> = {}): Finding => ({
    what: `${name} ${rest}`,
    isStranger: false,
    ...more,
  });
  const knock = await ask(address, CONNECT_REQUEST);
  switch (knock.kind) {
    case "failed":
      return about(describeFailure(knock.error), { cause: knock.error });
    case "silent":
      return about(
        "takes connections, but does not answer a ZooKeeper client. Is it overloaded, paused, or something else than ZooKeeper (its TLS port)?",
        { cause: failure("ETIMEDOUT", `${name} has not answered within ${PATIENCE_MS} ms`) },
      );
    case "closed":
      return about(await whyClosed(address), { cause: failure("ECONNRESET", `${name} closed the connection`) });
    case "answered":
      return isZooKeeper(knock.bytes)
        ? about("answers as a ZooKeeper does, but no session has come about yet. Is the network slow?")
        : about(`${describeStranger(knock.bytes)}, so it is no ZooKeeper. Is the port right?`, {
            cause: failure(
              "EPROTO",
              `${name} answered ${JSON.stringify(knock.bytes.subarray(0, 32).toString("latin1"))}`,
            ),
            isStranger: true,
          });
    default:
      return knock satisfies never;
  }
}

type Answer =
  | { readonly kind: "failed"; readonly error: NodeJS.ErrnoException }
  | { readonly kind: "silent" }
  | { readonly kind: "closed" }
  | { readonly kind: "answered"; readonly bytes: Buffer };

/** The first bytes that come back for `question`. */
function ask({ host, port }: Address, question: Buffer): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const timer = setTimeout(() => done(connected ? { kind: "silent" } : timedOut()), PATIENCE_MS);
    let connected = false;
    const done = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => {
      connected = true;
      socket.write(question);
    });
    socket.once("data", (bytes) => done({ kind: "answered", bytes }));
    // One that is closed with our question unread sends a reset.
    socket.on("error", (error) => done(connected ? { kind: "closed" } : { kind: "failed", error }));
    socket.once("close", () => done({ kind: "closed" }));
  });
}

function timedOut(): Answer {
  return { kind: "failed", error: failure("ETIMEDOUT", `no connection within ${PATIENCE_MS} ms`) };
}

/** In the form of the errors that the system gives. */
function failure(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

/** A ZooKeeper without a quorum closes the connection of each client; what it is waiting for it tells in words. */
async function whyClosed(address: Address): Promise<string> {
  const answer = await ask(address, Buffer.from("srvr"));
  const text = answer.kind === "answered" ? answer.bytes.toString("latin1") : "";
  if (text.includes("not currently serving requests")) {
    return "is a ZooKeeper that does not serve: it has no quorum. Are the other servers of the ensemble running?";
  }
  return "closes the connection without an answer. Has it a quorum, does it allow more connections from here (maxClientCnxns), and is it a ZooKeeper at all?";
}

function describeFailure(error: NodeJS.ErrnoException): string {
  const code = error.code ?? error.message;
  if (code === "ECONNREFUSED") return `refuses the connection (${code}). Is it running, and is the port right?`;
  return `cannot be reached (${code}). Is the address right, and does the network lead there?`;
}

function describeStranger(bytes: Buffer): string {
  if (bytes.subarray(0, 5).toString("latin1") === "HTTP/") return "speaks HTTP";
  // A record of type "alert" or "handshake", of any version of TLS.
  if ((bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 0x03) return "speaks TLS";
  return "answers with something else than ZooKeeper's protocol";
}

/** A connect response: its length, the protocol's version 0, and more. */
function isZooKeeper(bytes: Buffer): boolean {
  if (bytes.length < 8) return bytes.length < 4 || bytes.readInt32BE(0) <= LONGEST_REPLY;
  const length = bytes.readInt32BE(0);
  return length >= SHORTEST_REPLY && length <= LONGEST_REPLY && bytes.readInt32BE(4) === 0;
}

/**
 * A connect request as the protocol has it (length, version, last zxid, timeout, session id, password, read-only), for a session
 * that nobody has: the server says so, and makes none.
 */
const CONNECT_REQUEST = connectRequest();

function connectRequest(): Buffer {
  const request = Buffer.alloc(49);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt32BE(10_000, 16);
  request.writeBigInt64BE(1n, 20);
  request.writeInt32BE(16, 28);
  return request;
}
