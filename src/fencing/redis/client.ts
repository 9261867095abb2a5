import { InvalidArgumentError } from "../../errors.js";
import { isError } from "../thrown.js";

/** What the guard uses of `ioredis`: its `Redis` and its `Cluster` have it. */
export interface IoredisClient {
  /** Sends one command. */
  call(command: string, args: Array<string | Buffer | number>): Promise<unknown>;
}

/** What the guard uses of `redis` (node-redis 5): its client, its pool and its cluster have it. */
export interface NodeRedisClient {
  /** Runs a script that the server knows by its digest. */
  evalSha(sha1: string, options: ScriptInput): Promise<unknown>;
  /** Runs a script that is sent whole. */
  eval(script: string, options: ScriptInput): Promise<unknown>;
  /** Reads one key. */
  get(key: string): Promise<unknown>;
}

/** A client of one of the two drivers. */
export type RedisClient = IoredisClient | NodeRedisClient;

/** What a script is run with. */
export interface ScriptInput {
  /** The keys that the script uses. */
  keys: string[];
  /** The words behind the keys. */
  arguments: Array<string | Buffer>;
}

/** A script as the server is asked for it: by its digest first, and whole where the server does not have it. */
export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/** The two drivers as one. */
export interface RedisPort {
  evaluate(script: Script, input: ScriptInput): Promise<unknown>;
  get(key: string): Promise<unknown>;
}

export function redisPort(client: RedisClient): RedisPort {
  // node-redis has evalSha; ioredis has it as a lower-case `evalsha` with another order of arguments.
  if ("evalSha" in client) {
    return {
      evaluate: (script, input) => orWhole(client.evalSha(script.sha1, input), () => client.eval(script.text, input)),
      get: (key) => client.get(key),
    };
  }
  if ("call" in client) {
    return {
      evaluate: (script, { keys, arguments: values }) => {
        const input = [String(keys.length), ...keys, ...values];
        const whole = (): Promise<unknown> => client.call("EVAL", [script.text, ...input]);
        return orWhole(client.call("EVALSHA", [script.sha1, ...input]), whole);
      },
      get: (key) => client.call("GET", [key]),
    };
  }
  throw new InvalidArgumentError("redisFence needs a client of ioredis, or of redis (node-redis) 5.");
}

/**
 * A server that restarted, or flushed its scripts, answers NOSCRIPT: nothing was run, so the whole script may be sent.
 */
async function orWhole(reply: Promise<unknown>, whole: () => Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (isError(error) && error.message.startsWith("NOSCRIPT")) return await whole();
    throw error;
  }
}
