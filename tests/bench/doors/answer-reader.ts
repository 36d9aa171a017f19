/** What came back for one request. */
export interface Answer {
  readonly status: number;
  /** Names in lower case; of several the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** Takes answers off a stream of bytes, in the order of their requests (RFC 9112, section 6). */
export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0);
  readonly #methods: string[];
  readonly answers: Answer[] = [];

  /** @param methods of the requests that were sent, in order: some have answers without bodies. */
  constructor(methods: readonly string[]) {
    this.#methods = [...methods];
  }

  /** Takes more bytes; gives back whether all answers are in. */
  take(bytes: Buffer): boolean {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const answer = this.#next(false);
      if (answer === undefined) return this.isComplete;
      this.#keep(answer);
    }
  }

  /** The stream has ended: a body without length ends with it. */
  end(): void {
    const answer = this.#next(true);
    if (answer !== undefined) this.#keep(answer);
  }

  get isComplete(): boolean {
    return this.answers.length >= this.#methods.length;
  }

  #keep(answer: Answer): void {
    // Interim answers announce one that is still to come (RFC 9110, section 15.2).
    if (answer.status >= 200 || answer.status === 101) this.answers.push(answer);
  }

  #next(ended: boolean): Answer | undefined {
    if (this.#bytes.length === 0) return undefined;
    const headEnd = this.#bytes.indexOf(HEAD_END);
    if (headEnd < 0) return undefined;
    const [first = "", ...lines] = this.#bytes
      .subarray(0, headEnd)
      .toString("latin1")
      .split("\r\n");
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
    if (Number.isNaN(status)) throw new Error(`this is no answer in HTTP: '${first.slice(0, 80)}'`);
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    const start = headEnd + HEAD_END.length;
    const end = this.#bodyEnd({ status, headers, start, ended });
    if (end === undefined) return undefined;
    const body = this.#bytes.subarray(start, end);
    this.#bytes = this.#bytes.subarray(end);
    return { status, headers, body };
  }

  #bodyEnd({
    status,
    headers,
    start,
    ended,
  }: Pick<Answer, "status" | "headers"> & { start: number; ended: boolean }): number | undefined {
    const method = this.#methods[this.answers.length];
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) return start;
    if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) return this.#chunksEnd(start);
    const length = headers.get("content-length");
    if (length !== undefined) {
      const end = start + Number(length);
      return end <= this.#bytes.length ? end : undefined;
    }
    return ended ? this.#bytes.length : undefined;
  }

  #chunksEnd(start: number): number | undefined {
    for (let at = start; ;) {
      const lineEnd = this.#bytes.indexOf("\r\n", at);
      if (lineEnd < 0) return undefined;
      const size = Number.parseInt(this.#bytes.subarray(at, lineEnd).toString("latin1"), 16);
      const next = lineEnd + 2 + size + 2;
      if (next > this.#bytes.length) return undefined;
      if (size === 0) return next;
      at = next;
    }
  }
}
