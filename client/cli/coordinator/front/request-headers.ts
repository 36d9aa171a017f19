import { ProtocolError } from "../../../../protocol/errors.ts";

/** What the Worker reads of a request; all else stays outside. */
const PASSED_ON = new Set([
  "accept",
  "authorization",
  "content-digest",
  "content-type",
  "if-none-match",
  "if-range",
  "range",
  "scour-protocol",
]);

/** Headers of the event socket's handshake (RFC 6455, section 4.1). */
const HANDSHAKE = new Set([
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
]);

/** May come in several lines, which mean the same as one with commas (RFC 9110, section 5.3). */
const LISTS = new Set([
  "accept",
  "if-none-match",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
]);

const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/** What a request's headers say of its body. */
interface RequestFraming {
  readonly hasBody: boolean;
  /** Undefined when it comes in chunks. */
  readonly length: number | undefined;
}

export interface RequestHeaders {
  /** Lower-case names; what may be passed on. */
  readonly passed: Readonly<Record<string, string>>;
  readonly framing: RequestFraming;
}

/**
 * Reads a request's headers by a list of what the Worker knows. Those that the runtime would obey
 * (`MF-…`, `CF-…`), that describe one connection (RFC 9110, section 7.6.1) or that claim where the
 * request came from are not on it.
 *
 * @param raw names and values in turn, as they came
 * @param version HTTP version, such as `1.1`
 * @param handshake whether those of a web socket are read, too
 * @throws ProtocolError `malformed-request` or `headers-too-large`.
 */
export function readHeaders(
  raw: readonly string[],
  version: string,
  limits: { readonly headers: number },
  handshake = false,
): RequestHeaders {
  if (version !== "1.1" && version !== "1.0") throw malformed(`HTTP/${version} is not spoken here`);
  if (raw.length / 2 > limits.headers) {
    throw new ProtocolError(
      "headers-too-large",
      `the request has more than ${limits.headers} headers`,
    );
  }
  const passed: Record<string, string> = {};
  const hosts: string[] = [];
  const lengths: string[] = [];
  const encodings: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const value = raw[i + 1]!;
    if (name === "host") hosts.push(value);
    else if (name === "content-length") lengths.push(value);
    else if (name === "transfer-encoding") encodings.push(value);
    else if (PASSED_ON.has(name) || (handshake && HANDSHAKE.has(name))) {
      const before = passed[name];
      if (before !== undefined && !LISTS.has(name))
        throw malformed(`the header ${name} comes twice`);
      passed[name] = before === undefined ? value : `${before}, ${value}`;
    }
  }
  checkHost(hosts, version);
  return { passed, framing: readFraming(lengths, encodings) };
}

/** RFC 9112, section 3.2: one Host with a name or an address, of which nothing is believed. */
function checkHost(hosts: readonly string[], version: string): void {
  if (hosts.length === 0 && version === "1.0") return;
  if (hosts.length !== 1) throw malformed(`the request has ${hosts.length} Host headers, not one`);
  if (!HOST.test(hosts[0]!)) {
    throw malformed("the Host header must be a name or an address, with or without a port");
  }
}

/** RFC 9112, section 6: what could be read in two ways is refused. */
function readFraming(lengths: readonly string[], encodings: readonly string[]): RequestFraming {
  if (encodings.length > 0) {
    if (lengths.length > 0) throw malformed("the body has both a length and a transfer encoding");
    if (encodings.length > 1 || encodings[0]!.trim().toLowerCase() !== "chunked") {
      throw malformed("the only transfer encoding taken here is 'chunked'");
    }
    return { hasBody: true, length: undefined };
  }
  if (lengths.length > 1) throw malformed("the request has more than one Content-Length");
  const [text = "0"] = lengths;
  if (!/^\d{1,15}$/.test(text)) throw malformed("Content-Length must be a number of bytes");
  const length = Number(text);
  return { hasBody: length > 0, length };
}

function malformed(detail: string): ProtocolError {
  return new ProtocolError("malformed-request", `${detail}: correct the request`);
}
