import { once } from "node:events";
import { createServer, request as forward, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A proxy in front of a coordinator. */
export interface ReverseProxy {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Forwards everything to `127.0.0.1:port` as nginx does by default: the upstream's name as Host, the
 * caller's address appended to X-Forwarded-For, upgrades passed on.
 */
export async function startReverseProxy(upstreamPort: number): Promise<ReverseProxy> {
  const onward = (request: IncomingMessage) =>
    forward({
      // A connection a request, as nginx does unless told otherwise.
      agent: false,
      host: "127.0.0.1",
      port: upstreamPort,
      method: request.method,
      path: request.url,
      headers: {
        ...request.headers,
        host: `localhost:${upstreamPort}`,
        "x-forwarded-for": [request.headers["x-forwarded-for"], request.socket.remoteAddress]
          .filter((part) => part !== undefined)
          .join(", "),
      },
    });
  const server = createServer((request, response) => {
    const upstream = onward(request);
    upstream.on("response", (answer) => {
      response.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    request.pipe(upstream);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
    const upstream = onward(request);
    const answerWith = (answer: IncomingMessage): void => {
      const { rawHeaders, statusCode, statusMessage } = answer;
      const lines = rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`));
      socket.write(`HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join("")}\r\n`);
    };
    upstream.on("upgrade", (answer, other: Socket) => {
      answerWith(answer);
      other.on("error", () => socket.destroy());
      socket.on("error", () => other.destroy());
      other.pipe(socket).pipe(other);
    });
    upstream.on("response", (answer) => {
      answerWith(answer);
      answer.pipe(socket);
    });
    upstream.on("error", () => socket.destroy());
    upstream.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
