import { exchange, type Ending } from "../../bench/doors/exchange.ts";
import { Random } from "../../bench/doors/random.ts";
import type { RawRequest } from "../../bench/doors/raw-request.ts";
import { someCaller } from "../../bench/doors/some-caller.ts";
import { BOUNDS_MS } from "../../patience.ts";

const callers = new Random("callers", 0);

/** Sends one request over a connection of its own, as somebody who never asked before. */
export async function ask(port: number, request: RawRequest): Promise<Ending> {
  const from = someCaller(callers);
  const [ending] = await exchange([request], {
    host: "127.0.0.1",
    port,
    from,
    patienceMs: BOUNDS_MS.integration.wait,
  });
  return ending!;
}
