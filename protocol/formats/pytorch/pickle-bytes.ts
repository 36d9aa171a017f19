/** Longest pickle that is read, tensors not counted: some 100,000 of them with all they are named. */
export const MAX_PICKLE_BYTES = 32 * 2 ** 20;
