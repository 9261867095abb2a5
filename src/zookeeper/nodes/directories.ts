import { Mutex } from "async-mutex";
import { AccessDeniedError } from "../../errors.js";
import type { Acl } from "../client/client.js";
import { Code, isServerAnswer } from "../client/codes.js";
import type { Link, Reply } from "../client/link.js";
import { levelsOf } from "../../common/resource-path.js";

const CONTAINER = 4;
const NO_DATA = Buffer.alloc(0);
const ANY_VERSION = -1;
const ALL_PERMISSIONS = 31;

/**
 * How many directories are remembered as secured. To forget one costs two writes when it is next used; to remember all that were
 * ever used, memory for the life of the session.
 */
const MAX_REMEMBERED = 1_000;

/** All rights to whoever the session has authenticated as, none to anybody else. */
const OWNERS_ONLY: readonly Acl[] = [{ perms: ALL_PERMISSIONS, scheme: "auth", auth: "" }];

/**
 * Makes the directories of resources: ZooKeeper containers, which the server deletes by itself some time after they emptied.
 * So a missing directory is normal at any moment.
 */
export class Directories {
  /** With an ACL of ours, the one used last at the end. A directory made anew by somebody else has lost it: `no node` or its listing tells us. */
  readonly #secured = new Set<string>();
  readonly #securing = new Mutex();

  constructor(private readonly restricted: boolean) {}

  /**
   * Sends what makes `directory` and, where need be, everything above it; requests sent after it find it there, unless
   * somebody deletes it again. Without waiting: the caller's own requests may go out in the same burst.
   */
  make(link: Link, directory: string): Promise<readonly Reply<unknown>[]> {
    const made = levelsOf(directory).map((level) => create(link, level));
    return Promise.all(made);
  }

  /** True where tickets may be put into `directory` without asking: nothing restricts it, or we have seen to it. */
  isReady(directory: string): boolean {
    if (!this.restricted) return true;
    if (!this.#secured.delete(directory)) return false;
    this.#secured.add(directory);
    return true;
  }

  /** False for a directory that should have an ACL, and whose ACL has never been set: how often it was is in its stat. */
  isRestricted({ aclVersion }: { aclVersion: number }): boolean {
    return !this.restricted || aclVersion > 0;
  }

  /** The directory is gone; whoever makes it again has to secure it again. */
  forget(directory: string): void {
    this.#secured.delete(directory);
  }

  /**
   * Gives the directory an ACL that lets only our user in, before its first ticket. The directory and not the tickets: the
   * client's create takes no ACL, and who may not touch the directory cannot add or delete a ticket in it.
   * @throws AccessDeniedError when it is somebody else's
   */
  async secure(link: Link, directory: string): Promise<readonly Reply<unknown>[]> {
    return this.#securing.runExclusive(async () => {
      if (this.#secured.has(directory)) return [];
      // Not asked back with get_acl, which kills the process wherever it fails: an ACL that was set is set as a whole.
      const [made, set] = await Promise.all([this.make(link, directory), setAcl(link, directory)]);
      if (set.code === Code.ok) this.#remember(directory);
      else if (isServerAnswer(set.code) && set.code !== Code.noNode) {
        throw new AccessDeniedError(
          `The directory ${directory} cannot be restricted to the user of the \`auth\` option: it belongs to somebody else.`,
        );
      }
      return [...made, set];
    });
  }

  #remember(directory: string): void {
    this.#secured.add(directory);
    const [longestUnused] = this.#secured;
    if (this.#secured.size > MAX_REMEMBERED && longestUnused !== undefined) this.#secured.delete(longestUnused);
  }
}

function create(link: Link, path: string): Promise<Reply<unknown>> {
  return link.request((calls, done) => calls.a_create(path, NO_DATA, CONTAINER, (code) => done(code, null)));
}

function setAcl(link: Link, path: string): Promise<Reply<unknown>> {
  return link.request((_calls, done, client) =>
    client.a_set_acl(path, ANY_VERSION, OWNERS_ONLY, (code) => done(code, null)),
  );
}
