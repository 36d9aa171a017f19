/**
 * Passes calls on at most every `intervalMs`, always the latest, and at once whenever the kind of
 * what is told changes: fast progress does not flood another thread, and no turning point is lost.
 */
export function eachOrLatest<Arguments extends readonly unknown[]>(
  intervalMs: number,
  tell: (...told: Arguments) => void,
  kindOf: (told: Arguments) => string = () => "",
): (...told: Arguments) => void {
  let lastAt = -Infinity;
  let lastKind: string | undefined;
  let waiting: Arguments | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pass = (told: Arguments): void => {
    clearTimeout(timer);
    timer = undefined;
    waiting = undefined;
    lastAt = performance.now();
    lastKind = kindOf(told);
    tell(...told);
  };
  return (...told) => {
    const restMs = lastAt + intervalMs - performance.now();
    if (kindOf(told) !== lastKind || restMs <= 0) {
      pass(told);
      return;
    }
    waiting = told;
    timer ??= setTimeout(() => {
      if (waiting !== undefined) pass(waiting);
    }, restMs);
  };
}
