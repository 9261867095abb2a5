/**
 * Something that happens at a moment. Events of one moment go by rank, events of one rank by the order they came in.
 */
export interface TimedEvent {
  due: number;
  rank: number;
  order: number;
}

/** The events to come, the next one first: a binary heap. */
export class EventHeap<E extends TimedEvent> {
  readonly #events: E[] = [];

  peek(): E | undefined {
    return this.#events[0];
  }

  push(event: E): void {
    const events = this.#events;
    let place = events.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, events[parent] as E)) break;
      events[place] = events[parent] as E;
      place = parent;
    }
    events[place] = event;
  }

  pop(): E | undefined {
    const first = this.#events[0];
    const last = this.#events.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  #sink(event: E): void {
    const events = this.#events;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1] as E, events[child] as E)) child++;
      if (!isBefore(events[child] as E, event)) break;
      events[place] = events[child] as E;
      place = child;
    }
    events[place] = event;
  }
}

function isBefore(one: TimedEvent, other: TimedEvent): boolean {
  return one.due - other.due < 0 || (one.due === other.due && (one.rank - other.rank || one.order - other.order) < 0);
}
