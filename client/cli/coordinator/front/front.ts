import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { addressGroup, callerAddress, type TrustedProxies } from "./caller-address.ts";
import { openEventSocket } from "./event-socket.ts";
import { asksForSocket } from "./event-tunnel.ts";
import { Exchange } from "./exchange.ts";
import type { FrontParts } from "./front-parts.ts";
import { KnownTokens, type CoordinatorSecrets } from "./known-tokens.ts";
import type { FrontLimits } from "./limits.ts";
import { sendRawProblem } from "./problem-answer.ts";
import { PublicAnswers } from "./public-answers.ts";
import { Refusals } from "./refusals.ts";
import { tooMany } from "./refused.ts";
import { BodyCollector } from "./request-body.ts";
import { StrangerQuota } from "./stranger-quota.ts";
import { Tally } from "./tally.ts";
import { Turns } from "./turns.ts";
import { WorkerRequests } from "./worker-requests.ts";

export interface FrontOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** UNIX socket on which the Worker listens, or will. */
  readonly workerSocket: string;
  /** Folder, emptied by the caller, for parts of models until they are whole. */
  readonly spool: string;
  readonly secrets: CoordinatorSecrets;
  readonly proxies: TrustedProxies;
  readonly limits: FrontLimits;
  readonly report: (line: string) => void;
}

/** The one door of a coordinator on this machine. */
export interface Front {
  readonly port: number;
  /** The Worker was started, with these files as its pages (paths from `/`). */
  workerStarted(pages: ReadonlySet<string>): void;
  /** Cuts all connections; resolves when the port is free. */
  close(): Promise<void>;
}

/**
 * Opens the front: an HTTP/1.1 server that passes on to the Worker what API and pages answer, and
 * nothing else. It listens before the Worker is up, and answers 503 while that is down.
 *
 * @throws Error of `listen`, with its code.
 *
 * @example
 * const front = await openFront({ host: "127.0.0.1", port: 8787, workerSocket, secrets,
 *   proxies: trustedProxies([]), limits: FRONT_LIMITS, report: console.error });
 */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { host, limits, port, proxies } = options;
  const parts = frontParts(options);
  const server = createServer({
    highWaterMark: limits.bufferedBytes,
    maxHeaderSize: limits.headerBytes,
    // What is wrong with a Host header we say ourselves, as a problem document.
    requireHostHeader: false,
    headersTimeout: limits.headersMs,
    // Bodies may take long as long as they come (see body-pace.ts).
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.max(100, limits.headersMs / 5),
    shouldUpgradeCallback: (request) => request.method === "GET" && asksForSocket(request),
  });
  // Cut short, a list of headers could lose what matters: they are counted instead.
  server.maxHeadersCount = 0;
  limitConnections(server, limits, proxies);

  const callerOf = ({ socket, headers }: IncomingMessage): string => {
    const forwarded = headers["x-forwarded-for"];
    const hops = Array.isArray(forwarded) ? forwarded.join(",") : forwarded;
    return addressGroup(callerAddress(socket.remoteAddress, hops, proxies));
  };
  const exchanges = new WeakMap<Socket, Exchange>();
  const handle = (...[request, response]: HandlerArguments): void => {
    // The connection was refused, or ended for what came before.
    if (!request.socket.writable) return;
    const exchange = new Exchange(parts, request, response, callerOf(request));
    exchanges.set(request.socket, exchange);
    exchange.begin();
  };
  server.on("request", handle);
  // A server may let other expectations than 100-continue pass (RFC 9110, section 10.1.1).
  server.on("checkExpectation", handle);
  server.on("upgrade", (request, socket, early) => {
    const isFree = exchanges.get(socket as Socket)?.isAnswered ?? true;
    openEventSocket(parts, request, { socket: socket as Socket, early, isFree }, callerOf(request));
  });
  server.on("connect", (_request, socket) =>
    sendRawProblem(
      socket as Socket,
      new ProtocolError("method-not-allowed", "CONNECT is no method of this address"),
    ),
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const exchange = exchanges.get(socket as Socket);
    if (GONE.has(error.code ?? "")) socket.destroy();
    else if (exchange?.isUnderWay === true) exchange.breakOff(parseProblem(error));
    else sendRawProblem(socket as Socket, parseProblem(error));
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    workerStarted(pages) {
      parts.pages = pages;
      parts.publicAnswers.clear();
    },
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      parts.tunnels.forEach((socket) => socket.destroy());
      await closed;
      parts.worker.close();
      parts.refusals.flush();
    },
  };
}

type HandlerArguments = Parameters<NonNullable<Parameters<typeof createServer>[1]>>;

/** Connections that wait to be accepted: a round's opening calls everybody at once. */
const BACKLOG = 1024;

/** Socket errors that only say that the other end is gone. */
const GONE: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNABORTED"]);

function parseProblem({ code }: NodeJS.ErrnoException): ProtocolError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new ProtocolError("headers-too-large", "the request's line and headers are too long");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ProtocolError("request-timeout", "the request's headers took too long to come");
    default:
      return new ProtocolError(
        "malformed-request",
        "the connection brought what is not HTTP/1.1 (RFC 9112): correct the request",
      );
  }
}

function frontParts({ limits, report, secrets, spool, workerSocket }: FrontOptions): FrontParts {
  const worker = new WorkerRequests(workerSocket);
  return {
    limits,
    worker,
    refusals: new Refusals(limits, report),
    publicAnswers: new PublicAnswers(worker, limits),
    tokens: new KnownTokens(secrets),
    collector: new BodyCollector(limits),
    turns: new Turns(limits.running),
    line: new Tally(limits.running + limits.waiting, limits.waitingPerAddress),
    uploads: new Tally(limits.uploads, limits.uploadsPerAddress),
    strangers: new StrangerQuota(
      { perSecond: limits.strangersPerSecond, atOnce: limits.strangersAtOnce },
      { perSecond: limits.strangersPerSecondInAll, atOnce: limits.strangersAtOnceInAll },
      limits.addresses,
    ),
    spool,
    tunnels: new Set(),
    pages: new Set(),
  };
}

/** Bounds connections by their other end; behind a trusted proxy, by their number alone. */
function limitConnections(server: Server, limits: FrontLimits, proxies: TrustedProxies): void {
  const tally = new Tally(limits.connections, limits.connectionsPerAddress);
  let proxied = 0;
  server.on("connection", (socket) => {
    const peer = callerAddress(socket.remoteAddress, undefined, proxies);
    const leave = tally.enter(proxies.has(peer) ? `proxied ${proxied++}` : addressGroup(peer));
    if (leave === undefined) {
      sendRawProblem(socket, tooMany("too many connections are open", 5));
      return;
    }
    socket.once("close", leave);
  });
}
