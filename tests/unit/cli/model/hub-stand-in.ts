import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
export const TOKEN = "hf_secret";

interface SeenRequest {
  readonly host: "hub" | "store";
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

export interface HubStandIn {
  /** Address of the hub; files lie on another host, as the hub's do. */
  readonly url: string;
  readonly store: string;
  readonly seen: SeenRequest[];
  /** The store breaks off its next answer after so many bytes, once this is done. */
  breakOff: { readonly after: number; readonly once: () => Promise<void> } | undefined;
}

/** A server that answers as the Hugging Face hub does, with one repository `owner/name`. */
export async function hubStandIn(
  files: Readonly<Record<string, Buffer>>,
  { gated = false }: { readonly gated?: boolean } = {},
): Promise<HubStandIn> {
  const seen: SeenRequest[] = [];
  const note = (host: SeenRequest["host"], { headers, url }: IncomingMessage): void => {
    seen.push({ host, path: url!, authorization: headers.authorization, range: headers.range });
  };
  const store = await listen((request, response) => {
    note("store", request);
    const body = files[decodeURIComponent(request.url!.slice(1))]!;
    const etag = `"${createHash("sha256").update(body).digest("hex")}"`;
    const { "if-none-match": match, "if-range": ifRange, range } = request.headers;
    if (match === etag) return void response.writeHead(304).end();
    const asked = ifRange === etag ? /^bytes=(\d+)-$/.exec(range ?? "") : null;
    const first = asked === null ? 0 : Number(asked[1]);
    const rest = body.subarray(first);
    response.writeHead(asked === null ? 200 : 206, {
      ETag: etag,
      "Content-Length": rest.length,
      ...(asked && { "Content-Range": `bytes ${first}-${body.length - 1}/${body.length}` }),
    });
    const { breakOff } = standIn;
    if (breakOff === undefined) return void response.end(rest);
    standIn.breakOff = undefined;
    response.write(rest.subarray(0, breakOff.after));
    void breakOff.once().then(() => response.destroy());
  });
  const hub = await listen((request, response) => {
    note("hub", request);
    if (gated && request.headers.authorization !== `Bearer ${TOKEN}`) {
      return void response.writeHead(401).end("{}");
    }
    const { url = "" } = request;
    if (url.startsWith("/api/models/owner/before/")) {
      const Location = url.replace("before", "name");
      return void response.writeHead(307, { Location }).end();
    }
    if (/^\/api\/models\/owner\/name\/revision\/(?:main|v1|0123456789abcdef.*)$/.test(url)) {
      const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
      return void response.end(JSON.stringify({ sha: COMMIT, siblings }));
    }
    const file = url.split(`/owner/name/resolve/${COMMIT}/`)[1];
    if (file === undefined) return void response.writeHead(404).end("{}");
    response.writeHead(302, { Location: `${standIn.store}/${encodeURIComponent(file)}` }).end();
  });
  const standIn: HubStandIn = { url: hub, store, seen, breakOff: undefined };
  return standIn;
}

async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
