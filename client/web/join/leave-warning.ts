import { useEffect } from "preact/hooks";
import type { Contribution } from "./contribution.ts";

/** Closing the tab in the middle of a round loses its work: the browser asks first. */
export function useLeaveWarning(contribution: Contribution): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent): void => {
      const kind = contribution.status.peek()?.kind;
      if (kind === "training" || kind === "uploading" || kind === "paused") event.preventDefault();
    };
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [contribution]);
}
