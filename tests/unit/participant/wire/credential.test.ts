import { describe, expect, it } from "vitest";
import { memoryIdentityStore } from "../../../../client/participant/wire/identity.ts";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { FakeCoordinator, problem } from "../fake-coordinator.ts";
import { setUp } from "../set-up.ts";

describe("a credential", () => {
  it("[A6.3] that expired is renewed by itself, for the coordinator's own time, and kept", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const { participant, training } = setUp(coordinator, { identities });
    let steps = 0;
    training.onStep = () => {
      // While it trains a day passes, and again.
      if (++steps === 2 || steps === 6) coordinator.expired.add(`Bearer ${coordinator.credential}`);
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.renewals).toHaveLength(2);
    expect(coordinator.renewals[0]!.time).toBe(coordinator.now);
    expect(coordinator.updates.filter(({ request }) => request.signature === undefined)).toEqual(
      [],
    );
    const key = `http://coordinator.test/${coordinator.view.id}`;
    expect(await identities.load(key)).toMatchObject({ credential: coordinator.credential });
  });

  it("[A6.3] is renewed by one who comes back a week later", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const first = setUp(coordinator, { identities });
    first.training.onSearch = () => first.participant.stop();
    await expect(first.participant.run()).resolves.toEqual({ kind: "stopped" });
    coordinator.expired.add(`Bearer ${coordinator.credential}`);
    coordinator.now += 7 * 86_400_000;
    await expect(setUp(coordinator, { identities }).participant.run()).resolves.toMatchObject({
      kind: "finished",
    });
    expect(coordinator.enrolmentKeys.size).toBe(1);
    expect(coordinator.renewals).toHaveLength(1);
  });

  it("[A6.3] [P7] is renewed where the key that signed it is gone", async () => {
    const coordinator = new FakeCoordinator();
    const identities = memoryIdentityStore();
    const first = setUp(coordinator, { identities });
    first.training.onSearch = () => first.participant.stop();
    await expect(first.participant.run()).resolves.toEqual({ kind: "stopped" });
    // Nobody knows what the identity holds any more.
    coordinator.credential = "of another key";
    await expect(setUp(coordinator, { identities }).participant.run()).resolves.toMatchObject({
      kind: "finished",
    });
    expect(coordinator.enrolmentKeys.size).toBe(1);
    expect(coordinator.renewals).toHaveLength(1);
  });

  it("[A6.2] is signed for again where the coordinator names another time", async () => {
    const coordinator = new FakeCoordinator();
    const { participant } = setUp(coordinator);
    coordinator.interfere = ({ path }) => {
      if (path !== "/check-in" || coordinator.renewals.length > 0) return undefined;
      coordinator.interfere = () => undefined;
      const time = coordinator.now;
      coordinator.now += 1000;
      return problem(new ProtocolError("credential-expired", "renew it", { time }));
    };
    await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
    expect(coordinator.renewals.map(({ time }) => time)).toEqual([coordinator.now]);
    expect(coordinator.count("POST", /^\/renew/)).toBe(2);
  });
});
