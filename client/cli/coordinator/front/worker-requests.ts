import {
  Agent,
  type AgentOptions,
  request,
  type ClientRequest,
  type IncomingMessage,
} from "node:http";
import type { Duplex } from "node:stream";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { connectToWorker } from "./worker-connection.ts";

/**
 * Where the Worker listens, and how it is asked. Every request carries this one name as its host,
 * whatever the caller said.
 */
const WORKER_HOST = "coordinator";

/** workerd closes idle connections after 5 s: ours go first, so that none is used as it closes. */
const IDLE_MS = 2000;

export interface WorkerRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  /** Whole, or to be streamed by the caller into the request. */
  readonly body: Buffer | "none" | "streamed";
}

/** What asking the Worker comes to; exactly one of the two is called. */
export interface WorkerListener {
  answered(answer: IncomingMessage): void;
  failed(problem: ProtocolError): void;
}

/** Connects to the Worker instead of to a host and a port. */
class WorkerAgent extends Agent {
  readonly #socketPath: string;
  readonly #idleMs: number;
  /** When each connection was last given a request, `performance.now()`. */
  readonly #askedAt = new WeakMap<Duplex, number>();

  constructor(socketPath: string, idleMs: number, options: AgentOptions) {
    super(options);
    this.#socketPath = socketPath;
    this.#idleMs = idleMs;
  }

  override createConnection(...[, connected]: Parameters<Agent["createConnection"]>) {
    connectToWorker(this.#socketPath, (error, socket) => {
      this.#askedAt.set(socket, performance.now());
      connected!(error, socket);
    });
    return undefined;
  }

  override reuseSocket(socket: Duplex, asked: ClientRequest): void {
    this.#askedAt.set(socket, performance.now());
    super.reuseSocket(socket, asked);
  }

  /**
   * A connection on which a request took long is not used again: workerd counts its silence from the
   * request on and may be closing it, and whatever is asked then is lost.
   */
  override keepSocketAlive(socket: Duplex): boolean {
    const took = performance.now() - (this.#askedAt.get(socket) ?? -Infinity);
    if (took >= this.#idleMs) return false;
    // True of every socket of ours, though its type says nothing.
    super.keepSocketAlive(socket);
    return true;
  }
}

export function unavailable(detail: string): ProtocolError {
  return new ProtocolError("unavailable", `${detail}: try again in a moment`, {
    retryAfterSeconds: 2,
  });
}

/** The Worker behind its UNIX socket. */
export class WorkerRequests {
  /** Connections that serve one request each. */
  readonly fresh: Agent;
  readonly #kept: Agent;

  /** @param idleMs how long a connection is kept that nobody uses, and how long its last request may take */
  constructor(socketPath: string, idleMs: number = IDLE_MS) {
    this.fresh = new WorkerAgent(socketPath, idleMs, { keepAlive: false });
    this.#kept = new WorkerAgent(socketPath, idleMs, {
      keepAlive: true,
      timeout: idleMs,
      maxFreeSockets: 64,
    });
  }

  /** Asks; a body that is streamed is the caller's to write and to end. */
  ask(wanted: WorkerRequest, listener: WorkerListener): ClientRequest {
    const { method, path, headers, body } = wanted;
    const asked = request({
      method,
      path,
      setHost: false,
      headers: {
        ...headers,
        host: WORKER_HOST,
        ...(Buffer.isBuffer(body) && { "content-length": body.length }),
      },
      // A body that is streamed cannot be sent again: it gets a connection nobody has used.
      agent: body === "streamed" ? this.fresh : this.#kept,
    });
    let isSettled = false;
    asked.on("response", (answer) => {
      isSettled = true;
      listener.answered(answer);
    });
    asked.on("error", () => {
      if (isSettled) return;
      isSettled = true;
      listener.failed(unavailable("the coordinator's runtime is down or starting"));
    });
    if (Buffer.isBuffer(body)) asked.end(body);
    else if (body === "none") asked.end();
    return asked;
  }

  close(): void {
    this.#kept.destroy();
    this.fresh.destroy();
  }
}
