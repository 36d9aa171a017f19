import { describe, expect, it } from "vitest";
import { AdminClient } from "../../../client/admin/admin-client.ts";
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

  it("uploads a model with its digest in both forms", async () => {
    let seen: Request | undefined;
    const admin = clientAnswering((request) => {
      seen = request;
      return Response.json({ digest: "", bytes: 3 }, { status: 201 });
    });
    const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    await admin.uploadModel({ body: new Blob(["abc"]), digest });
    expect(seen?.method).toBe("PUT");
    expect(seen?.url).toBe(`${URL_OF_NOBODY}/api/v1/admin/models/${digest}`);
    expect(seen?.headers.get("content-digest")).toBe(
      "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:",
    );
    expect(await seen?.text()).toBe("abc");
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
