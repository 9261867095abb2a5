import type { Discipline } from "./discipline.js";
import { LimitMismatchError } from "../errors.js";
import { insist } from "../engine/until-answered.js";
import { readSemaphoreData, writeSemaphoreData } from "./semaphore-data.js";
import type { QueuePort } from "../engine/queue-port.js";

/**
 * Sees to it that a semaphore's limit is the one stored with its resource, and stores it where there is none yet. The question
 * goes out together with the ticket, so it costs no round trip of its own.
 * @throws LimitMismatchError when another limit is stored and `replacesLimit` is not set
 */
export async function agreeOnLimit(
  port: QueuePort,
  queue: string,
  { limit, replacesLimit = false }: Discipline,
  ticketTaken: Promise<unknown>,
  pause: () => Promise<void>,
): Promise<void> {
  for (let first = true; ; first = false) {
    const stored = await insist(() => port.settings(queue), port.session, pause);
    // Nothing can be stored before the first ticket is taken.
    if (first) await ticketTaken;
    if (stored === null && first) continue;
    // Somebody deleted the queue, our ticket and all: whoever waits or holds will find that out.
    if (stored === null) return;
    const { limit: known, slots } = readSemaphoreData(stored.data);
    if (known === limit) return;
    if (known !== undefined && !replacesLimit) throw new LimitMismatchError(limit ?? 0, known);
    const wanted = writeSemaphoreData({ limit, slots });
    if (await insist(() => port.saveSettings(queue, wanted, stored.version), port.session, pause)) return;
  }
}
