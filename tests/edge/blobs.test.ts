import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noneMatch, parseRange } from "../../edge/blobs/byte-range.ts";
import { putBlob } from "../../edge/blobs/blob-store.ts";
import { formatDigest, parseContentDigest } from "../../protocol/content-digest.ts";
import { sha256 } from "../../protocol/digest.ts";
import {
  ADMIN,
  committed,
  expectProblem,
  report,
  runningCampaign,
  send,
  sql,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

const BYTES = new TextEncoder().encode("0123456789");
let digest = "";
let path = "";

beforeEach(async () => {
  digest = await putBlob(env.BLOBS, BYTES);
  path = `/api/v1/blobs/${digest}`;
});
afterEach(() => reset());

function get(headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return send(path, { token: ADMIN, headers, method });
}

async function status(name: string, token: string): Promise<number> {
  const response = await send(`/api/v1/blobs/${name}`, { token });
  await response.body?.cancel();
  return response.status;
}

describe("blobs", () => {
  it("[P4] are named by their digest and never change", async () => {
    const response = await get();
    expect(response.status).toBe(200);
    expect(response.headers.get("ETag")).toBe(`"${digest}"`);
    expect(response.headers.get("Cache-Control")).toContain("immutable");
    expect(response.headers.get("Content-Length")).toBe("10");
    expect(response.headers.get("Repr-Digest")).toBe(formatDigest(digest));
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(digest);
  });

  it("[P4] HEAD tells the same without the bytes", async () => {
    const response = await get({}, "HEAD");
    expect(response.status).toBe(200);
    expect(response.headers.get("ETag")).toBe(`"${digest}"`);
    expect(response.headers.get("Content-Length")).toBe("10");
    expect(await response.text()).toBe("");
  });

  it.each([
    ["bytes=0-3", "0123", "bytes 0-3/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-2", "89", "bytes 8-9/10"],
    ["bytes=8-99", "89", "bytes 8-9/10"],
    ["bytes=-99", "0123456789", "bytes 0-9/10"],
  ])("[P4] Range: %s", async (range, text, contentRange) => {
    const response = await get({ Range: range });
    expect(response.status).toBe(206);
    expect(response.headers.get("Content-Range")).toBe(contentRange);
    expect(response.headers.get("Content-Length")).toBe(String(text.length));
    expect(await response.text()).toBe(text);
  });

  it.each(["bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes=-", "bytes=x"])(
    "[P4] Range: %s does not apply",
    async (range) => {
      const response = await get({ Range: range });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe("0123456789");
    },
  );

  it.each(["bytes=10-", "bytes=99-100", "bytes=-0"])("[P4] Range: %s is 416", async (range) => {
    const response = await get({ Range: range });
    expect(response.headers.get("Content-Range")).toBe("bytes */10");
    await expectProblem(response, 416, "range-not-satisfiable");
  });

  it("[P4] If-None-Match is 304", async () => {
    for (const header of [`"${digest}"`, `W/"${digest}"`, `"a", "${digest}"`, "*"]) {
      const response = await get({ "If-None-Match": header });
      expect(response.status).toBe(304);
      expect(response.headers.get("ETag")).toBe(`"${digest}"`);
      expect(await response.text()).toBe("");
    }
    expect((await get({ "If-None-Match": '"other"' })).status).toBe(200);
  });

  it("[P4] If-Range with another tag gives the whole", async () => {
    const other = await get({ Range: "bytes=0-3", "If-Range": '"other"' });
    expect(other.status).toBe(200);
    await other.body?.cancel();
    expect((await get({ Range: "bytes=0-3", "If-Range": `"${digest}"` })).status).toBe(206);
  });

  it("[A5] participants may read those of their own campaign, strangers none", async () => {
    const { id, volunteers } = await runningCampaign(2, {
      aggregation: { server: { kind: "adam" } },
      reinit: { strength: 1 },
    });
    // Where nothing is re-initialised there is one mask for all.
    const other = await runningCampaign(1, { reinit: { strength: 1, seed: "cd".repeat(32) } });
    const [first] = volunteers as [Volunteer];
    const [stranger] = other.volunteers as [Volunteer];
    for (const [seed, volunteer] of volunteers.entries()) {
      await volunteer.contribute(updateOf(volunteer.view, seed));
    }
    await until(id, committed(1));
    const [row] = await sql(id, "SELECT slices, moments FROM students WHERE round = 1");
    const student = JSON.parse(String(row!["slices"])) as string[];
    const moments = JSON.parse(String(row!["moments"])) as { first: string | null }[];
    const { starts } = await report(id);
    const own = [
      first.view.model.digest,
      starts[0]!.maskDigest,
      ...first.view.starts[0]!.initialStudent,
      ...student,
    ];
    for (const name of own) expect(await status(name, first.credential)).toBe(200);
    // The teacher is both campaigns'.
    expect(await status(first.view.model.digest, stranger.credential)).toBe(200);
    expect(await status(starts[0]!.maskDigest, stranger.credential)).toBe(404);
    expect(await status(student[0]!, stranger.credential)).toBe(404);
    for (const name of [moments[0]!.first!, digest]) {
      expect(await status(name, ADMIN)).toBe(200);
      expect(await status(name, first.credential)).toBe(404);
    }
    await expectProblem(await send(path), 401, "unauthenticated");
  });

  it("[P4] one that is not there is 404", async () => {
    const response = await send(`/api/v1/blobs/${"0".repeat(64)}`, { token: ADMIN });
    await expectProblem(response, 404, "not-found");
    const bad = await send("/api/v1/blobs/etc", { token: ADMIN });
    await expectProblem(bad, 400, "malformed-request");
  });
});

describe("headers of RFC 9110 and RFC 9530", () => {
  it("parses ranges of an empty blob", () => {
    expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
    expect(parseRange("bytes=-1", 0)).toBe("unsatisfiable");
    expect(parseRange(undefined, 0)).toBe("whole");
  });

  it("compares entity tags weakly", () => {
    expect(noneMatch(undefined, '"a"')).toBe(false);
    expect(noneMatch('W/"a"', '"a"')).toBe(true);
    expect(noneMatch('"b"', '"a"')).toBe(false);
  });

  it("reads what it writes, and ignores other algorithms", () => {
    const header = formatDigest(digest);
    expect(parseContentDigest(header)).toBe(digest);
    expect(parseContentDigest(`sha-512=:AAAA:, ${header}`)).toBe(digest);
    expect(parseContentDigest(undefined)).toBeUndefined();
    expect(() => parseContentDigest("sha-512=:AAAA:")).toThrow("sha-256");
    // SHA-256 of nothing, as any other tool gives it.
    expect(formatDigest(sha256(new Uint8Array()))).toBe(
      "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    );
  });
});
