const MINUTE_MS = 60_000;

/**
 * Bounds against hangs by project, milliseconds: `test` ends a test or a hook, `wait` the wait for
 * one condition within it, before that and by the condition's name. Both are ten times what the
 * slowest takes on two cores, and more: tests wait for what they want to see, never for time.
 */
export const BOUNDS_MS = {
  unit: { test: 20 * MINUTE_MS, wait: 5 * MINUTE_MS },
  edge: { test: 20 * MINUTE_MS, wait: 5 * MINUTE_MS },
  browser: { test: 20 * MINUTE_MS, wait: 5 * MINUTE_MS },
  integration: { test: 30 * MINUTE_MS, wait: 15 * MINUTE_MS },
} as const;

/** A round's deadline that no busy machine reaches, seconds: for campaigns that are not about it. */
export const FAR_DEADLINE_SECONDS = 86_400;
