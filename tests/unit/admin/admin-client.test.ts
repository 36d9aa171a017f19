import { describe, expect, it } from "vitest";
import { AdminClient } from "../../../client/admin/admin-client.ts";
import { formatDigest } from "../../../protocol/content-digest.ts";
import { sha256 } from "../../../protocol/digest.ts";
import { ProtocolError } from "../../../protocol/errors.ts";

const URL_OF_NOBODY = "http://coordinator.example";

function clientAnswering(answer: (request: Request) => Response | Promise<Response>): AdminClient {
  return new AdminClient(URL_OF_NOBODY, "the-token", async (input, init) =>
    answer(new Request(input, init)),
  );
}

describe("AdminClient", () => {
  it("asks as the administrator", async () => {
    let seen: Request | undefined;
    const admin = clientAnswering((request) => {
      seen = request;
      return Response.json([]);
    });
    expect(await admin.campaigns()).toEqual([]);
    expect(seen?.url).toBe(`${URL_OF_NOBODY}/api/v1/admin/campaigns`);
    expect(seen?.headers.get("authorization")).toBe("Bearer the-token");
  });

  it("[P10.1] [P10.2] [P10.3] uploads the parts of a model that are missing, with their digests", async () => {
    const seen: string[] = [];
    const body = new Blob(["abcdefgh"]);
    const digest = "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab";
    let refusals = 1;
    const admin = clientAnswering(async (request) => {
      const path = new URL(request.url).pathname.replace(`/api/v1/admin/models/${digest}`, "");
      const sent = request.method === "PUT" ? await request.text() : "";
      seen.push(`${request.method} ${path} ${sent}`.trim());
      if (path === "") {
        const state = { digest, bytes: 8, complete: false, partBytes: 3, missing: [0, 2] };
        return Response.json(state);
      }
      if (sent !== "" && refusals-- > 0) {
        const problem = new ProtocolError("unavailable", "the coordinator is starting");
        return Response.json(problem.toProblem(), { status: 503 });
      }
      if (sent === "gh") {
        expect(request.headers.get("content-digest")).toBe(
          formatDigest(sha256(new TextEncoder().encode("gh"))),
        );
      }
      return Response.json({});
    });
    const sentBytes: number[] = [];
    await admin.uploadModel({ body, digest }, { onProgress: (sent) => sentBytes.push(sent) });
    expect(seen).toEqual([
      "POST",
      "PUT /parts/0 abc",
      "PUT /parts/0 abc",
      "PUT /parts/2 gh",
      "POST /complete",
    ]);
    expect(sentBytes).toEqual([6, 8]);
  });

  it("passes the coordinator's refusal on, with its code and what to do", async () => {
    const problem = new ProtocolError("unauthenticated", "the token is not the administrator's");
    const admin = clientAnswering(() => Response.json(problem.toProblem(), { status: 401 }));
    await expect(admin.campaigns()).rejects.toMatchObject({
      name: "AdminError",
      code: "unauthenticated",
      message: "the token is not the administrator's",
      advice: expect.stringContaining("SCOUR_ADMIN_TOKEN"),
    });
  });

  it("names the status and the words of something that is no coordinator", async () => {
    const admin = clientAnswering(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
    await expect(admin.campaigns()).rejects.toThrow(/502.*Bad gateway/);
  });

  it("does not take an answer it does not understand", async () => {
    const admin = clientAnswering(() => Response.json({ surprise: true }));
    await expect(admin.campaigns()).rejects.toThrow(/does not understand/);
  });

  it("says where it looked when nobody answers", async () => {
    const admin = clientAnswering(() => {
      throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
    });
    await expect(admin.campaigns()).rejects.toThrow(
      `no coordinator answers at ${URL_OF_NOBODY} (connect ECONNREFUSED)`,
    );
  });
});
