import type { WatchEvent, WatchKind } from "../protocol/messages.js";
import type { NodeEvent } from "./tree.js";
import { parentOf } from "../protocol/path.js";

/** Whoever left the watches: told once, then forgotten. */
export interface Watcher {
  notify(event: WatchEvent, path: string): void;
}

/** The watches of one kind that one server keeps, by path and by watcher. */
class Watches {
  readonly #byPath = new Map<string, Set<Watcher>>();
  readonly #byWatcher = new Map<Watcher, Set<string>>();

  add(path: string, watcher: Watcher): void {
    addTo(this.#byPath, path, watcher);
    addTo(this.#byWatcher, watcher, path);
  }

  /** The watchers of a path, in the order they came; the path is watched by none of them any more. */
  take(path: string): Iterable<Watcher> {
    const watchers = this.#byPath.get(path);
    if (watchers === undefined) return [];
    this.#byPath.delete(path);
    for (const watcher of watchers) removeFrom(this.#byWatcher, watcher, path);
    return watchers;
  }

  /** Those who watch a path, and go on to. */
  of(path: string): Iterable<Watcher> {
    return this.#byPath.get(path) ?? [];
  }

  get isEmpty(): boolean {
    return this.#byPath.size === 0;
  }

  get size(): number {
    return [...this.#byPath.values()].reduce((sum, watchers) => sum + watchers.size, 0);
  }

  has(path: string, watcher: Watcher): boolean {
    return this.#byPath.get(path)?.has(watcher) ?? false;
  }

  remove(path: string, watcher: Watcher): void {
    removeFrom(this.#byPath, path, watcher);
    removeFrom(this.#byWatcher, watcher, path);
  }

  forget(watcher: Watcher): void {
    for (const path of this.pathsOf(watcher)) removeFrom(this.#byPath, path, watcher);
    this.#byWatcher.delete(watcher);
  }

  pathsOf(watcher: Watcher): string[] {
    return [...(this.#byWatcher.get(watcher) ?? [])];
  }
}

/** The watches of one server, dead with their connection. Those of data and children are one-shot. */
export class WatchTable {
  /** Left by get and exists: the node comes, changes, goes. */
  readonly data = new Watches();
  /** Left by a listing: a child comes or goes, the node goes. */
  readonly children = new Watches();
  /** Told of the node and its children, again and again. */
  readonly persistent = new Watches();
  /** Told of the node and of all nodes below it, again and again. */
  readonly recursive = new Watches();

  get size(): number {
    return this.named("any").reduce((sum, watches) => sum + watches.size, 0);
  }

  /** Tells the watchers what a transaction has just done to a node; one event each, as the server does. */
  trigger(event: NodeEvent, path: string): void {
    const told = new Set<Watcher>();
    tell(this.data.take(path), event, path, told);
    tell(this.persistent.of(path), event, path, told);
    if (!this.recursive.isEmpty) {
      for (const above of ancestry(path)) tell(this.recursive.of(above), event, path, told);
    }
    if (event === "changed") return;
    if (event === "deleted") tell(this.children.take(path), event, path, told);
    const directory = parentOf(path);
    const toldOfChild = new Set<Watcher>();
    tell(this.children.take(directory), "child", directory, toldOfChild);
    tell(this.persistent.of(directory), "child", directory, toldOfChild);
  }

  /** The kinds of watches that a client can ask about by this name. */
  named(kind: WatchKind): readonly Watches[] {
    switch (kind) {
      case "data":
        return [this.data];
      case "children":
        return [this.children];
      case "any":
        return [this.data, this.children, this.persistent, this.recursive];
      default:
        return kind satisfies never;
    }
  }

  forget(watcher: Watcher): void {
    for (const watches of this.named("any")) watches.forget(watcher);
  }
}

/** A path and all above it. */
function ancestry(path: string): string[] {
  return path === "/" ? [path] : [path, ...ancestry(parentOf(path))];
}

function tell(watchers: Iterable<Watcher>, event: WatchEvent, path: string, told: Set<Watcher>): void {
  for (const watcher of watchers) {
    if (!told.has(watcher)) watcher.notify(event, path);
    told.add(watcher);
  }
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
