/** Items worked on at a time: bounds open connections and memory where workers share a process. */
const AT_A_TIME = 4;

/**
 * Runs `work` on all items, a few at a time, and waits for those that began even if one fails.
 *
 * @returns results in the items' order
 * @throws the first error; no further item is begun after it.
 */
export async function concurrently<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  limit: number = AT_A_TIME,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (const [position, item] of queue) {
      if (failures.length > 0) return;
      try {
        results[position] = await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
