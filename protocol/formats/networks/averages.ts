/** Words by which averages of weights, and copies of earlier, are called. */
const AVERAGED = /ema|swa|averag|best|shadow/i;

/** Whether weights under these keys are an average of others, or a copy of earlier. */
export function areAverages(keys: readonly string[]): boolean {
  return keys.some((key) => AVERAGED.test(key));
}
