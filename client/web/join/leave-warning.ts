import { useEffect } from "preact/hooks";
import type { ParticipantStatus } from "../../participant/status.ts";
import type { Contribution } from "./contribution.ts";

const LOST_BY_LEAVING: ReadonlySet<ParticipantStatus["kind"]> = new Set([
  "training",
  "judging",
  "uploading",
  "paused",
]);

/** Closing the tab in the middle of a round loses its work: the browser asks first. */
export function useLeaveWarning(contribution: Contribution): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent): void => {
      const kind = contribution.status.peek()?.kind;
      if (kind !== undefined && LOST_BY_LEAVING.has(kind)) event.preventDefault();
    };
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [contribution]);
}
