import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, rmSync } from "node:fs";
import type { ClientRequest, IncomingMessage } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { API_PREFIX } from "../../../../protocol/round/version.ts";
import { BodyPace } from "./body-pace.ts";
import type { FrontLimits } from "./limits.ts";
import { tooSlow } from "./request-body.ts";
import { unavailable } from "./worker-requests.ts";

const PART_PATH = new RegExp(`^${API_PREFIX}/admin/models/[0-9a-f]{64}/parts/\\d{1,9}$`);

/** Whether this is the address of a part of a model. */
export function isModelPart(path: string): boolean {
  return PART_PATH.test(path);
}

/** A part of a model that came whole and right. */
interface SpooledPart {
  /** Sends it on, at the Worker's pace. */
  sendTo(asked: ClientRequest): void;
  discard(): void;
}

export interface SpoolListener {
  whole(part: SpooledPart): void;
  failed(problem: ProtocolError): void;
}

/**
 * Takes a part into a file first and hashes it on the way, so that the Worker is given only what is
 * complete and right: the runtime's local storage keeps the bytes of what it refuses and of what
 * breaks off. Nothing is left of those here.
 *
 * @param digest SHA-256 that it must have, lower-case hexadecimal
 */
export function spoolPart(
  request: IncomingMessage,
  digest: string,
  folder: string,
  limits: FrontLimits,
  listener: SpoolListener,
): void {
  const path = join(folder, randomUUID());
  const file = createWriteStream(path, { mode: 0o600 });
  const hash = createHash("sha256");
  const discard = (): void => rmSync(path, { force: true });
  let bytes = 0;
  const stop = (): void => {
    pace.end();
    request.off("data", take).off("end", finish).off("close", breakOff);
  };
  const breakOff = (): void => {
    stop();
    file.once("close", discard);
    file.destroy();
  };
  const fail = (problem: ProtocolError): void => {
    breakOff();
    listener.failed(problem);
  };
  const pace = new BodyPace(limits, (why) => fail(tooSlow(why)));
  const take = (chunk: Buffer): void => {
    pace.received(chunk.length);
    bytes += chunk.length;
    hash.update(chunk);
    if (file.write(chunk)) return;
    request.pause();
    pace.pause();
  };
  const finish = (): void => {
    stop();
    const found = hash.digest("hex");
    if (found !== digest) {
      return fail(
        new ProtocolError(
          "digest-mismatch",
          `the ${bytes} bytes received do not hash to ${digest}: the file changed or was damaged on its way, send the part again`,
        ),
      );
    }
    // Called also when the last bytes could not be written: that is told by the error's own event.
    file.end((error?: Error | null) => {
      if (error) return;
      listener.whole({
        // What goes wrong on either side ends both: the request's listener hears of it.
        sendTo: (asked) => pipeline(createReadStream(path, READ), asked, () => {}),
        discard,
      });
    });
  };
  file.on("drain", () => {
    pace.resume();
    request.resume();
  });
  file.on("error", (error: NodeJS.ErrnoException) =>
    fail(unavailable(`the upload cannot be kept on disk (${error.code ?? error.message})`)),
  );
  request.on("data", take).on("end", finish).on("close", breakOff);
}

/** Bytes read ahead. */
const READ = { highWaterMark: 2 ** 18 };
