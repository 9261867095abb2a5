import { parseObject } from "../common/json-object.js";

/** What is stored with a semaphore's resource: the settings of its queue, so that it goes when the queue does. */
export interface SemaphoreData {
  /** How many may hold at a time; undefined: nobody has said so yet. */
  readonly limit: number | undefined;
  /**
   * The slots that holders have claimed, each by the order of its ticket: short, and of one ticket only within a queue's
   * life.
   */
  readonly slots: ReadonlyMap<number, number>;
}

/** Whatever cannot be understood counts as not being there. */
export function readSemaphoreData(data: Buffer): SemaphoreData {
  const { maxConcurrentHolders, slots } = parseObject(data.toString()) ?? {};
  return {
    limit: isCount(maxConcurrentHolders) && maxConcurrentHolders > 0 ? maxConcurrentHolders : undefined,
    slots: new Map(
      Object.entries(slots ?? {})
        .filter(([order, slot]) => /^\d+$/.test(order) && isCount(slot))
        .map(([order, slot]) => [Number(order), slot as number]),
    ),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function writeSemaphoreData({ limit, slots }: SemaphoreData): Buffer {
  return Buffer.from(
    JSON.stringify({ maxConcurrentHolders: limit, ...(slots.size > 0 && { slots: Object.fromEntries(slots) }) }),
  );
}
