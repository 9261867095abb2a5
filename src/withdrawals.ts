import type { Place, Ticket } from "./ticket.js";

/**
 * The tickets of one manager that are being withdrawn. They may still stand in the queue (one whose name we do not know yet cannot
 * be deleted yet), but they are no reason to send anybody away.
 */
export class Withdrawals {
  readonly #underWay = new Map<string, Promise<void>>();

  /** @param withdrawal resolves when the ticket with this id is gone, or is left to the background */
  add(id: string, withdrawal: Promise<void>): Promise<void> {
    this.#underWay.set(id, withdrawal);
    void withdrawal.then(() => this.#underWay.delete(id));
    return withdrawal;
  }

  /** The place as it will be when they have gone. */
  placeWithout(place: Place): Place {
    if (this.#underWay.size === 0) return place;
    const { ticket } = place;
    const queue = place.queue.filter((one) => one === ticket || !this.#underWay.has(idOf(one)));
    return { ticket, queue, ahead: queue.indexOf(ticket) };
  }

  /**
   * Resolves when one of those in the queue is settled. One that had to be left to the background is in the way as any other from
   * then on: whoever has no time to wait must hear of it.
   */
  async next(queue: readonly Ticket[]): Promise<void> {
    await Promise.race(queue.flatMap((ticket) => this.#underWay.get(idOf(ticket)) ?? []));
  }
}

/** What a ticket of ours starts with. */
function idOf({ name }: Ticket): string {
  return name.slice(0, name.indexOf("-"));
}
