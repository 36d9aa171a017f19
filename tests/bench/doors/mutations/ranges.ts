import type { Random } from "../random.ts";
import { withHeader, type RawRequest } from "../raw-request.ts";

const ENDS = ["", "0", "1", "7", "8", "100", "4095", "99999999", "9".repeat(30), "-1", "x", " "];
const UNITS = ["bytes=", "bytes=", "bytes=", "Bytes=", "bytes", "bytes:", "lines=", "=", "bytes= "];

/** A blob's request with one range, several, none that can be had, or none at all (RFC 9110, 14). */
export function withMutatedRange(request: RawRequest, random: Random): RawRequest {
  const ranges = Array.from(
    { length: random.pick([1, 1, 1, 2, 3, 200]) },
    () => random.pick(ENDS) + random.pick(["-", "-", "-", "", "--"]) + random.pick(ENDS),
  );
  const ranged = withHeader(request, "Range", random.pick(UNITS) + ranges.join(","));
  if (random.chance(0.7)) return ranged;
  const condition = random.pick(["If-Range", "If-None-Match", "If-Match"]);
  return withHeader(ranged, condition, random.pick(["*", '"x"', "x", 'W/"x"', ""]));
}
