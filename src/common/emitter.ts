/**
 * Events for our own use, with the methods of Node's EventEmitter that we need. Node keeps the listeners of an event in
 * an array and searches it to remove one: with 20,000 holds on one session, ending them all took seconds. Here each
 * addition and removal costs the same.
 */
export class Emitter<Events extends Record<keyof Events, unknown[]>> {
  /** By event, and by listener in the order in which they came. */
  readonly #listeners = new Map<keyof Events, Map<unknown, (args: unknown) => void>>();

  /** A listener that is there already stays where it is. */
  on<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): this {
    return this.#add(event, listener, (args) => listener(...(args as Events[E])));
  }

  once<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): this {
    return this.#add(event, listener, (args) => {
      this.removeListener(event, listener);
      listener(...(args as Events[E]));
    });
  }

  removeListener<E extends keyof Events>(event: E, listener: (...args: Events[E]) => void): this {
    const listeners = this.#listeners.get(event);
    if (listeners?.delete(listener) === true && listeners.size === 0) this.#listeners.delete(event);
    return this;
  }

  listenerCount(event: keyof Events): number {
    return this.#listeners.get(event)?.size ?? 0;
  }

  /** Calls those that listen now, in the order in which they came. */
  emit<E extends keyof Events>(event: E, ...args: Events[E]): void {
    const listeners = this.#listeners.get(event);
    if (listeners === undefined) return;
    for (const call of [...listeners.values()]) call(args);
  }

  #add(event: keyof Events, listener: unknown, call: (args: unknown) => void): this {
    const listeners = this.#listeners.get(event) ?? new Map<unknown, (args: unknown) => void>();
    if (!listeners.has(listener)) listeners.set(listener, call);
    this.#listeners.set(event, listeners);
    return this;
  }
}
