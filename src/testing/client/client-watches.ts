import { Code } from "../protocol/codes.js";
import type { Request, WatchedPaths, WatchEvent } from "../protocol/messages.js";

type Kind = keyof WatchedPaths;

/** The watches as the client remembers them, all with the default watcher: to tell them, and to set them again. */
export class ClientWatches {
  readonly #paths: Record<Kind, Set<string>> = { data: new Set(), exists: new Set(), children: new Set() };

  /** A read has been answered, and may have left a watch. */
  answered(request: Request, code: number): void {
    if (!("watch" in request) || !request.watch) return;
    if (code === Code.ok) this.#paths[request.op === "children" ? "children" : "data"].add(request.path);
    else if (code === Code.noNode && request.op === "exists") this.#paths.exists.add(request.path);
  }

  /** True if somebody here waits for this event; once, for watches are one-shot. */
  take(event: WatchEvent, path: string): boolean {
    const { data, exists, children } = this.#paths;
    const kinds = event === "child" ? [children] : event === "deleted" ? [data, exists, children] : [data, exists];
    return kinds.map((paths) => paths.delete(path)).includes(true);
  }

  /** What to set again on a new connection; null: nothing. */
  get all(): WatchedPaths | null {
    const { data, exists, children } = this.#paths;
    if (data.size + exists.size + children.size === 0) return null;
    return { data: [...data], exists: [...exists], children: [...children] };
  }
}
