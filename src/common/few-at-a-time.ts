/** How many requests are under way at a time, where any number could be sent. */
export const FEW = 16;

/**
 * As `Promise.all(items.map(map))`, but with `limit` of them under way at the most: thousands of requests at once would
 * keep the session's own keep-alives waiting. When one fails, no other is begun.
 */
export async function fewAtATime<T, R>(
  items: readonly T[],
  map: (item: T, index: number) => Promise<R>,
  limit = FEW,
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  let hasFailed = false;
  const work = async (): Promise<void> => {
    for (const [index, item] of rest) {
      if (hasFailed) return;
      results[index] = await map(item, index);
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, work);
  await Promise.all(workers).catch((error: unknown) => {
    hasFailed = true;
    throw error;
  });
  return results;
}
