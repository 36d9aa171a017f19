import { uniformSource } from "../../../protocol/random/uniform-source.ts";
import { accumulateFrame, encodeFrame, validateFrame } from "../../../protocol/update/frame.ts";
import {
  cpuSeconds,
  pieceLengths,
  PIECE,
  round,
  someUpdate,
  type CostRow,
  type Measured,
} from "./costs.ts";

/** The same update in the open, as int8: what a round costs without privacy. */
export async function openCosts({ participants, values }: Measured): Promise<CostRow> {
  const update = someUpdate(values);
  const own = await cpuSeconds(() => {
    const seed = crypto.getRandomValues(new Uint8Array(32));
    return pieceLengths(values).map((length, index) =>
      encodeFrame({
        codec: "int8",
        sliceIndex: index,
        values: update.subarray(index * PIECE, index * PIECE + length),
        random: uniformSource(seed, `slice ${index}`),
      }),
    );
  });
  const adding = await cpuSeconds(() => {
    for (const [index, length] of pieceLengths(values).entries()) {
      accumulateFrame(validateFrame(own.result[index]!), 1, new Float64Array(length));
    }
  });
  const upBytes = own.result.reduce((sum, { length }) => sum + length, 0);
  return {
    how: "in the open, int8",
    values,
    participants,
    gone: 0,
    participantSeconds: own.seconds,
    coordinatorSeconds: round(adding.seconds * participants),
    helperSeconds: null,
    upBytes,
    downBytes: 0,
    participantBytes: upBytes,
  };
}
