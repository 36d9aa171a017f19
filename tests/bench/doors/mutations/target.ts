import type { Random } from "../random.ts";
import type { RawRequest } from "../raw-request.ts";

/** Ways to write a path otherwise, in what URL parsers see the same or nearly the same. */
export const SPELLINGS: Readonly<Record<string, (path: string) => string>> = {
  "as it is": (path) => path,
  "upper case": (path) => path.toUpperCase(),
  "first letter encoded": (path) =>
    path.replace(/[a-z]/i, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  "first letter encoded twice": (path) =>
    path.replace(/[a-z]/i, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  "slash encoded": (path) => `/${path.slice(1).replace("/", "%2f")}`,
  "two slashes": (path) => `/${path}`,
  "slashes within": (path) => `/${path.slice(1).replace("/", "//")}`,
  "dot before": (path) => `/.${path}`,
  "dots before": (path) => `/x/..${path}`,
  "dots from a page": (path) => `/join/../..${path}`,
  "dots from the API": (path) => `/api/v1/health/../../..${path}`,
  "encoded dot before": (path) => `/%2e${path}`,
  "encoded dots before": (path) => `/x/%2e%2E${path}`,
  backslash: (path) => `\\${path.slice(1)}`,
  "backslashes throughout": (path) => path.replaceAll("/", "\\"),
  "tab within": (path) => path.replace(/[a-z]/i, "$&\t"),
  "encoded tab within": (path) => path.replace(/[a-z]/i, "$&%09"),
  "encoded null behind": (path) => `${path}%00`,
  "semicolon behind": (path) => `${path};x=1`,
  "slash behind": (path) => `${path}/`,
  "query behind": (path) => `${path}?x=1`,
  "fragment behind": (path) => `${path}#x`,
  "no slash in front": (path) => path.slice(1),
  "full-width slash": (path) => path.replace("/", "/\u00ef\u00bc\u008f"),
  "overlong slash": (path) => `/x/%c0%ae%c0%ae${path}`,
  "address in front": (path) => `http://localhost${path}`,
  "this machine's address in front": (path) => `http://127.0.0.1${path}`,
  "another address in front": (path) => `http://evil.example${path}`,
  "a user in front": (path) => `http://user:password@localhost${path}`,
  "another scheme in front": (path) => `https://localhost${path}`,
  "a scheme nobody knows": (path) => `file://${path}`,
};

/** Values that ids, digests and numbers in a path may not have. */
const SEGMENTS = [
  "-1",
  "00",
  "1e3",
  "0x1",
  "999999999",
  "9999999999",
  "1.0",
  "+0",
  "%31",
  "\u00bc",
  "NaN",
  "..",
  ".",
  "%2e%2e",
  "%2f",
  "%00",
  "%",
  "%zz",
  "*",
  "~",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  "c-aaaaaaaaaaaaaaaaaaaa",
  "p-aaaaaaaaaaaaaaaaaaaa",
  "i-aaaaaaaaaaaaaaaaaaaa",
  "0".repeat(64),
  "A".repeat(64),
  "f".repeat(63),
  "x".repeat(4000),
  "%e2%80%ae",
  "'--",
  "<b>",
];

const QUERIES = [
  "?",
  "?round=0",
  "?round=-1",
  "?round=1e3",
  "?round=0&round=1",
  "?round[]=0",
  "?round=%",
  "?__proto__[x]=1",
  "?round=999999999",
  "?a=".padEnd(3000, "b"),
  "?%00",
  "?x=%zz",
  "??",
  "?round=NaN",
  "?token=x",
  "?round=0#x",
  "?round=\u00bc",
];

/** The request at another address, or at the same one spelled otherwise. */
export function withMutatedTarget(request: RawRequest, random: Random): RawRequest {
  const { target } = request;
  switch (random.weighted({ spelling: 2, segment: 4, query: 2, cut: 1, bytes: 1, star: 1 })) {
    case "spelling":
      return { ...request, target: SPELLINGS[random.pick(Object.keys(SPELLINGS))]!(target) };
    case "segment": {
      const segments = target.split("/");
      segments[1 + random.int(segments.length - 1)] = random.pick(SEGMENTS);
      return { ...request, target: segments.join("/") };
    }
    case "query":
      return { ...request, target: target + random.pick(QUERIES) };
    case "cut":
      return { ...request, target: target.slice(0, 1 + random.int(target.length)) };
    case "bytes": {
      const at = 1 + random.int(target.length);
      const odd = random.pick(["\u0000", "\u007f", "\u00ff", " ", "\t", '"', "{", "|", "^", "`"]);
      return { ...request, target: target.slice(0, at) + odd + target.slice(at) };
    }
    case "star":
      return { ...request, target: random.pick(["*", "", "/", "//", "localhost:80", "?"]) };
  }
}
