/**
 * Bounds of what the front lets in before anybody has shown a token (docs/OPERATING.md has the
 * table). They hold memory and file descriptors, not people: one address may be fifty tabs, or a
 * proxy with everybody behind it, so what counts per address is generous.
 */
export interface FrontLimits {
  /** Connections in all: two descriptors each, of the 20,000 or more a process usually has. */
  readonly connections: number;
  /** Connections from one address: half of all, so that nobody alone shuts out the others. */
  readonly connectionsPerAddress: number;
  /** A request's line and headers, bytes: tokens and digests take less than 2 KiB of it. */
  readonly headerBytes: number;
  /** Headers of a request. */
  readonly headers: number;
  /** From the first byte of a request, or the connection's opening, to its last header, ms. */
  readonly headersMs: number;
  /** How long a connection without a request is kept, ms; longer than proxies keep theirs. */
  readonly keepAliveMs: number;
  /** Longest silence within a body, ms, and the window of `bodyWindowBytes`. */
  readonly bodyWindowMs: number;
  /** Fewest bytes of a body in each window: about 1 kB/s, a quarter of what participants wait for. */
  readonly bodyWindowBytes: number;
  /** Longest body that is no model and no slice, bytes (SPEC P3). It is collected here. */
  readonly collectedBytes: number;
  /** Bodies that are being collected, altogether, bytes. */
  readonly collectedBytesInAll: number;
  /** Of them those of requests without a token of ours: half, so that these shut out nobody else. */
  readonly collectedBytesOfStrangers: number;
  /** Held for an end that takes bytes more slowly than the other sends them, bytes. Less costs speed. */
  readonly bufferedBytes: number;
  /** After a refusal this much of a body is still read, so that its sender sees the answer, bytes. */
  readonly drainedBytes: number;
  /** And for so long, ms. */
  readonly drainMs: number;
  /** Parts of models and slices that are being sent at once: an isolate holds up to 16 MiB for each. */
  readonly uploads: number;
  readonly uploadsPerAddress: number;
  /** Requests that wait for the Worker's answer at once; more stand in line. */
  readonly running: number;
  /** Requests that stand in line; more are told to come back. */
  readonly waiting: number;
  readonly waitingPerAddress: number;
  /** Longest wait for the Worker's answer, ms: making a campaign of a large model takes minutes. */
  readonly answerMs: number;
  /** A client that takes nothing of its answer for so long is cut off, ms. */
  readonly stalledMs: number;
  /** An event socket without a byte either way is closed, ms; participants ping every 30 s. */
  readonly socketSilenceMs: number;
  /** Requests without a token of ours that reach the Worker, a second and address. */
  readonly strangersPerSecond: number;
  /** And at once. */
  readonly strangersAtOnce: number;
  /** The same of all addresses together. */
  readonly strangersPerSecondInAll: number;
  readonly strangersAtOnceInAll: number;
  /** How long an answer about health is given again, ms. */
  readonly healthMs: number;
  /** How long a page is given again, ms. */
  readonly pageMs: number;
  /** Silence of the Worker after which a public answer is given up and asked for anew, ms. */
  readonly publicAnswerMs: number;
  /** The first refused logins of an address are answered at once: people mistype. */
  readonly promptRefusals: number;
  /** How long the next is held back, ms; each further one twice as long. */
  readonly firstHoldMs: number;
  readonly longestHoldMs: number;
  /** After so long without one an address' refusals are forgotten, ms. */
  readonly refusalMemoryMs: number;
  /** Answers held back at once; more are answered 429 instead. */
  readonly held: number;
  readonly heldPerAddress: number;
  /** Lines about refused logins in a minute; the rest is summed up in one. */
  readonly refusalLines: number;
  /** Addresses of which something is remembered; the one heard of longest ago is forgotten. */
  readonly addresses: number;
}

const MIB = 2 ** 20;

export const FRONT_LIMITS: FrontLimits = {
  connections: 4096,
  connectionsPerAddress: 2048,
  headerBytes: 16 * 1024,
  headers: 100,
  headersMs: 15_000,
  keepAliveMs: 65_000,
  bodyWindowMs: 30_000,
  bodyWindowBytes: 32 * 1024,
  collectedBytes: 64 * 1024,
  collectedBytesInAll: 32 * MIB,
  collectedBytesOfStrangers: 16 * MIB,
  bufferedBytes: MIB / 2,
  drainedBytes: 4 * MIB,
  drainMs: 5_000,
  uploads: 512,
  uploadsPerAddress: 256,
  running: 128,
  waiting: 4096,
  waitingPerAddress: 2048,
  answerMs: 15 * 60_000,
  stalledMs: 60_000,
  socketSilenceMs: 300_000,
  strangersPerSecond: 10,
  strangersAtOnce: 100,
  strangersPerSecondInAll: 100,
  strangersAtOnceInAll: 1000,
  healthMs: 1_000,
  pageMs: 60_000,
  publicAnswerMs: 30_000,
  promptRefusals: 5,
  firstHoldMs: 100,
  longestHoldMs: 5_000,
  refusalMemoryMs: 600_000,
  held: 256,
  heldPerAddress: 64,
  refusalLines: 10,
  addresses: 10_000,
};
