import type { Place, Ticket } from "../engine/ticket.js";

/**
 * The tickets of one manager that are being withdrawn. They may still stand in the queue (one whose name we do not know yet cannot
 * be deleted yet), but they are no reason to send anybody away.
 */
export class Withdrawals {
  readonly #underWay = new Map<string, Promise<void>>();
  /** The tickets that the server refuses to delete, by directory. */
  readonly #refused = new Map<string, Set<string>>();

  /** @param withdrawal resolves when the ticket with this id is gone, or is left to the background */
  add(id: string, withdrawal: Promise<void>): Promise<void> {
    this.#underWay.set(id, withdrawal);
    void withdrawal.then(() => this.#underWay.delete(id));
    return withdrawal;
  }

  /** The server refuses to delete this ticket. True for the first one of its directory, until all of them are gone. */
  refused(id: string, directory: string): boolean {
    const refused = this.#refused.get(directory);
    if (refused === undefined) this.#refused.set(directory, new Set([id]));
    else refused.add(id);
    return refused === undefined;
  }

  /** The ticket is gone, whether it was refused before or not. */
  deleted(id: string, directory: string): void {
    const refused = this.#refused.get(directory);
    if (refused?.delete(id) === true && refused.size === 0) this.#refused.delete(directory);
  }

  /** The place as it will be when they have gone. */
  placeWithout(place: Place): Place {
    if (this.#underWay.size === 0) return place;
    const { ticket } = place;
    const queue = place.queue.filter((one) => one === ticket || !this.#isLeaving(one));
    return { ticket, queue, ahead: queue.indexOf(ticket) };
  }

  /**
   * Resolves when one of those in the queue is settled. One that had to be left to the background is in the way as any other from
   * then on: whoever has no time to wait must hear of it.
   */
  async next(queue: readonly Ticket[]): Promise<void> {
    await Promise.race(queue.flatMap((ticket) => this.#underWay.get(ticket.id ?? "") ?? []));
  }

  #isLeaving({ id }: Ticket): boolean {
    return id !== null && this.#underWay.has(id);
  }
}
