import type { Environment } from "../../edge/environment.ts";
import type { HelperEnvironment } from "../../edge/helper/environment.ts";
import type * as worker from "./both-workers.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Environment, HelperEnvironment {}
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}
