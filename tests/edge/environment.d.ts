import type { Environment } from "../../edge/environment.ts";
import type * as worker from "../../edge/worker.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Environment {}
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}
