/** How the buffer of results is laid out, in words of 4 bytes. */

/** Steps whose results the device keeps; also the longest replay after a loss. */
export const RING = 64;

/**
 * Floats of one entry of the ring of results: Σ loss and the number of images that agree, and both
 * of perturbed copies.
 */
export const RESULT_LENGTH = 4;

/**
 * Where the flags of overflow begin: a word an entry, not 0 when a half could not hold a value, and
 * one more for what has no entry in the ring.
 */
export const OVERFLOWS_AT = RING * RESULT_LENGTH;

/** Words of all of it. */
export const RESULTS_LENGTH = OVERFLOWS_AT + RING + 1;
