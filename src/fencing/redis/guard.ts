import { InvalidArgumentError, LockError } from "../../errors.js";
import type { LockErrorDetails } from "../../errors.js";
import { checkResource, checkToken, readToken } from "../arguments.js";
import { FenceSetupError, FenceTransactionError, readOnlyStore, staleToken } from "../errors.js";
import type { FenceGuard, FencingToken } from "../fence-guard.js";
import { inside, openRun } from "../open-run.js";
import { isError } from "../thrown.js";
import { redisPort } from "./client.js";
import type { RedisClient, RedisPort, ScriptInput } from "./client.js";
import { CommandQueue } from "./commands.js";
import type { RedisTransaction } from "./commands.js";
import { script } from "./script.js";

/** The options of `redisFence`. */
export interface RedisFenceOptions {
  /** What the guard's keys begin with. Default `zk-lock-fence:`. */
  prefix?: string;
  /**
   * The hash tag of a resource, without braces: the guard's key then holds `{tag}`, and lies in the same slot of a
   * cluster as the keys `{tag}…` that the body writes. Default: none, and a `{tag}` in the resource's own name counts.
   */
  hashTag?: string | ((resource: string) => string);
}

/** A fence guard over Redis: see `redisFence`. */
export interface RedisFenceGuard extends Omit<FenceGuard<RedisTransaction>, "run"> {
  /** `body` queues commands; they run as one step after the check, and `run` resolves with their replies, in order. */
  run<Replies = unknown[]>(
    resource: string,
    token: FencingToken,
    body: (tx: RedisTransaction) => unknown,
  ): Promise<Replies>;
  /** The key under which the fence of `resource` is kept. */
  key(resource: string): string;
}

/**
 * A queued command failed. Redis undoes nothing: the commands before it are in force (`replies` are theirs), those
 * after it were not run. Where it was the first, nothing was written at all.
 */
export class FenceCommandError extends LockError {
  override readonly name = "FenceCommandError";
  override readonly code = "ERR_FENCE_COMMAND";
  /** The place of the command in the queue, from 0. */
  readonly index: number;
  /** The replies of the commands before it, which are in force. */
  readonly replies: readonly unknown[];

  constructor(message: string, details: LockErrorDetails & { index: number; replies: readonly unknown[] }) {
    super(message, details);
    this.index = details.index;
    this.replies = details.replies;
  }
}

/**
 * Makes a fence guard over Redis, through a client of `ioredis` or of `redis` (node-redis 5), single or cluster.
 *
 * @example
 * const guard = redisFence(new Redis(process.env.REDIS_URL));
 * await lock.using(({ token }) =>
 *   guard.run("job/7", token, (tx) => tx.call("HSET", "job:7", "state", "done")),
 * );
 */
export function redisFence(client: RedisClient, options: RedisFenceOptions = {}): RedisFenceGuard {
  refuseKeyPrefix(client);
  return new RedisFence(client, options);
}

/**
 * ioredis puts its keyPrefix before the guard's key, and not before the keys that a body queues. So two clients with
 * two prefixes would write the same keys under two fences, and each would let the other's zombies in.
 */
function refuseKeyPrefix(client: RedisClient): void {
  const { options } = client as { options?: { keyPrefix?: unknown; redisOptions?: { keyPrefix?: unknown } } };
  const keyPrefix = options?.keyPrefix ?? options?.redisOptions?.keyPrefix;
  if (keyPrefix === undefined || keyPrefix === null || keyPrefix === "") return;
  throw new InvalidArgumentError(
    `The client has the keyPrefix ${JSON.stringify(keyPrefix)}, which ioredis would put before the fence and not ` +
      'before the keys of a body. Give the guard client.duplicate({ keyPrefix: "" }), the prefix in the option ' +
      '"prefix" of redisFence, and whole keys in the body.',
  );
}

class RedisFence implements RedisFenceGuard {
  readonly #client: RedisClient;
  readonly #port: RedisPort;
  readonly #prefix: string;
  readonly #hashTag: ((resource: string) => string) | undefined;

  constructor(client: RedisClient, { prefix = "zk-lock-fence:", hashTag }: RedisFenceOptions) {
    if (typeof prefix !== "string" || (hashTag !== undefined && prefix.includes("{"))) {
      throw new InvalidArgumentError("prefix is a string, and has no { of its own where a hashTag is given.");
    }
    this.#client = client;
    this.#port = redisPort(client);
    this.#prefix = prefix;
    this.#hashTag = typeof hashTag === "string" ? () => hashTag : hashTag;
  }

  async run<Replies = unknown[]>(
    resource: string,
    token: FencingToken,
    body: (tx: RedisTransaction) => unknown,
  ): Promise<Replies> {
    const key = this.key(resource);
    checkToken(token);
    const run = openRun(this.#client, this.#prefix, resource);
    const queue = new CommandQueue();
    try {
      await inside(run, () => body(queue));
    } finally {
      run.state = "ended";
    }
    const input = { keys: [key], arguments: [String(token), ...queue.close()] };
    const reply = await this.#evaluate(resource, input);
    const outcome = String(reply[0]);
    switch (outcome) {
      case "done":
        return reply[1] as Replies;
      case "stale":
        throw staleToken(resource, token, readToken(reply[1]));
      case "failed":
        throw failedCommand(resource, queue, String(reply[1]), reply[2] as unknown[]);
      default:
        throw foreignKey(key, resource, String(reply[1]));
    }
  }

  async highest(resource: string): Promise<FencingToken | null> {
    const key = this.key(resource);
    let stored: unknown;
    try {
      stored = await this.#port.get(key);
    } catch (error) {
      throw isError(error) && error.message.startsWith("WRONGTYPE")
        ? foreignKey(key, resource, error.message, error)
        : error;
    }
    return stored === null || stored === undefined ? null : readToken(stored);
  }

  async #evaluate(resource: string, input: ScriptInput): Promise<unknown[]> {
    let reply: unknown;
    try {
      reply = await this.#port.evaluate(script, input);
    } catch (error) {
      throw isError(error) && error.message.startsWith("READONLY") ? readOnlyStore(error) : error;
    }
    if (Array.isArray(reply)) return reply as unknown[];
    throw new FenceTransactionError(
      `The run for ${JSON.stringify(resource)} was not run, only queued (${String(reply)}): the connection is ` +
        "inside MULTI, or the client is a pipeline. It may run later, at EXEC. Give the guard a client of its own.",
      { resource },
    );
  }

  /** Redis needs no table: there is nothing to make. */
  setup(): Promise<void> {
    return Promise.resolve();
  }

  key(resource: string): string {
    checkResource(resource);
    const tag = this.#hashTag?.(resource);
    if (tag === undefined) return this.#prefix + resource;
    if (tag === "" || /[{}]/.test(tag)) {
      throw new InvalidArgumentError(`A hash tag is a non-empty string without braces; got ${JSON.stringify(tag)}.`);
    }
    return `${this.#prefix}{${tag}}:${resource}`;
  }
}

function foreignKey(key: string, resource: string, found: string, cause?: unknown): FenceSetupError {
  return new FenceSetupError(
    `The key ${key} holds ${JSON.stringify(found)} where a fencing token belongs: no guard wrote that. It was ` +
      "left as it is.",
    { resource, cause },
  );
}

function failedCommand(resource: string, queue: CommandQueue, message: string, replies: unknown[]): FenceCommandError {
  const index = replies.length;
  const done = index === 0 ? "Nothing was written." : `The ${index} before it are in force, and the fence is up.`;
  return new FenceCommandError(
    `Redis refused ${queue.nameAt(index)}, command ${index} of the run for ${JSON.stringify(resource)}: ` +
      `${message}. ${done}`,
    { resource, index, replies },
  );
}
