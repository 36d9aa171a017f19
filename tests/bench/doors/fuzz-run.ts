import type { CoordinatorProcess } from "./coordinator-process.ts";
import { fuzz, type FuzzOptions, type FuzzResult } from "./fuzz.ts";
import { differences, stateOf } from "./state-of.ts";
import { makeWorld, type World } from "./world.ts";

/** Lines that only a failure nobody foresaw writes. */
const STACK = /^\s+at .*:\d+|\bkj\/|\bworkerd\/|uncaught|unhandled/im;

/**
 * Fuzzes a coordinator that was just started, then looks at what became of it.
 *
 * @returns objections: one text for each thing that is not as it must be
 */
export async function fuzzRun(
  coordinator: CoordinatorProcess,
  options: FuzzOptions,
): Promise<{ result: FuzzResult; objections: string[] }> {
  const world = await makeWorld(coordinator);
  const { admin, victim } = world;
  const before = await stateOf(admin, victim.id);
  const campaignsBefore = (await admin.campaigns()).length;
  const result = await fuzz(world, options);

  const objections = result.faults.map(
    ({ index, kind, request, times, what }) =>
      `${times} × ${what} (${kind}; --first ${index} --requests 1), at its smallest:\n${excerpt(request)}`,
  );
  if (coordinator.hasEnded()) {
    const cases = result.fatal.join(", ");
    objections.unshift(
      `the coordinator ended; under way: ${cases}\n${coordinator.log().slice(-3000)}`,
    );
    return { result, objections };
  }
  const changes = differences(before, await stateOf(admin, victim.id));
  if (changes.length > 0) {
    objections.push(`requests without a right token changed a campaign:\n${changes.join("\n")}`);
  }
  const made = (await admin.campaigns()).length - campaignsBefore;
  if (made !== result.campaignsMade) {
    objections.push(`${made} campaigns were made, ${result.campaignsMade} were answered so`);
  }
  for (const digest of await stored(world, result.forbiddenBlobs)) {
    objections.push(`a model was stored for nobody: ${digest}`);
  }
  objections.push(...(await unreadable(world)));
  const log = coordinator.log();
  const stack = STACK.exec(log);
  if (stack !== null) {
    objections.push(
      `the log has a stack:\n${log.slice(Math.max(0, stack.index - 500), stack.index + 500)}`,
    );
  }
  return { result, objections };
}

/** Views of the administrator that whatever was taken in has spoilt. */
async function unreadable({ admin, own, spare }: World): Promise<string[]> {
  const found: string[] = [];
  for (const { id } of [own, spare, ...(await admin.campaigns())]) {
    await stateOf(admin, id).catch((error: Error) => {
      found.push(`campaign ${id} cannot be read any more: ${error.message}`);
    });
  }
  return found;
}

async function stored({ coordinator }: World, digests: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const digest of digests) {
    const response = await fetch(`${coordinator.url}/api/v1/blobs/${digest}`, {
      headers: { authorization: `Bearer ${coordinator.adminToken}` },
    });
    await response.body?.cancel();
    if (response.status !== 404) found.push(digest);
  }
  return found;
}

/** A request as people can read it: short, with what cannot be printed as escapes. */
function excerpt(request: string): string {
  return request
    .slice(0, 600)
    .replaceAll(/[^\x20-\x7e\r\n]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`)
    .replaceAll("\r\n", "\\r\\n\n")
    .replaceAll(/(?<!\n|n)\r/g, String.raw`\r`);
}
