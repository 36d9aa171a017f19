import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { problem, type Call } from "../fake-coordinator.ts";
import { setUp } from "../set-up.ts";

describe("lost connections", () => {
  for (const loss of ["lost-request", "lost-reply"] as const) {
    it(`at every call (${loss}) cost time only: nothing is trained or counted twice`, async () => {
      const { coordinator, participant, training } = setUp();
      const failed = new Set<string>();
      coordinator.interfere = ({ method, path }: Call) => {
        const key = `${method} ${path} ${coordinator.round}`;
        if (failed.has(key)) return undefined;
        failed.add(key);
        return loss;
      };
      await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
      expect(training.begun).toEqual([0, 4, 8]);
      expect(coordinator.updates).toHaveLength(4);
      expect(participant.totals).toMatchObject({ accepted: 3, rejected: 0, judged: 1 });
      expect(failed.size).toBeGreaterThan(15);
    });
  }

  it("are waited out without end, with growing pauses, and shown", async () => {
    const { coordinator, participant, ports, seen } = setUp();
    let down = 30;
    coordinator.interfere = () => (down-- > 0 ? "lost-request" : undefined);
    await participant.run();
    // random() is .5: half of 500 ms · 2^n, capped at 30 s.
    const backOff = ports.slept.filter((ms) => ms <= 15_000);
    expect(backOff.slice(0, 7)).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000]);
    expect(seen).toContainEqual(
      expect.objectContaining({
        kind: "waiting",
        reason: "connection-lost",
        detail: expect.stringContaining("cannot be reached"),
      }),
    );
  });

  it("are not worth a word when the first try again brings an answer", async () => {
    const { coordinator, participant, ports, seen } = setUp();
    let checkIns = 0;
    coordinator.interfere = ({ path }) =>
      path === "/check-in" && checkIns++ % 2 === 0 ? "lost-request" : undefined;
    await participant.run();
    expect(ports.slept.filter((ms) => ms === 250).length).toBeGreaterThan(1);
    expect(seen).not.toContainEqual(expect.objectContaining({ reason: "connection-lost" }));
  });

  it("of a coordinator that is overloaded honour Retry-After", async () => {
    const { coordinator, participant, ports } = setUp();
    const answers = [
      new Response("busy", { status: 503, headers: { "Retry-After": "7" } }),
      problem(new ProtocolError("quota-exceeded", "slow down"), { "Retry-After": "11" }),
    ];
    coordinator.interfere = ({ path }) => (path === "/check-in" ? answers.shift() : undefined);
    await participant.run();
    expect(ports.slept).toContain(7250);
    expect(ports.slept).toContain(11_500);
  });

  it("in the middle of a blob are resumed where they broke", async () => {
    const { coordinator, participant, ports, seen } = setUp();
    const { bytes, digest } = coordinator.view.model;
    const file = coordinator.blobs.get(digest)!;
    const half = Math.floor(bytes / 2);
    let broken = false;
    coordinator.interfere = ({ path }) => {
      if (broken || !path.startsWith("/blobs/")) return undefined;
      broken = true;
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(file.slice(0, half)),
        pull: (controller) => controller.error(new TypeError("terminated")),
      });
      return new Response(body);
    };
    await participant.run();
    const ranges = coordinator.calls
      .filter(({ path }) => path === `/blobs/${digest}`)
      .map(({ headers }) => headers.get("Range"));
    expect(ranges).toEqual([null, `bytes=${half}-`]);
    expect(ports.slept).toContain(250);
    expect(seen).toContainEqual({ kind: "downloading", what: "teacher", bytes, totalBytes: bytes });
  });
});
