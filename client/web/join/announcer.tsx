import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { Contribution } from "./contribution.ts";
import { statusText } from "./status-text.ts";

/** Screen readers hear every change of kind, and progress at most this often. */
const EVERY_MS = 15_000;

/** A polite live region, apart from the visible status, which changes too often to be read out. */
export function Announcer({ contribution }: { readonly contribution: Contribution }) {
  const spoken = useSignal("");
  const last = useRef({ kind: "", at: 0 });
  const status = contribution.status.value;
  useEffect(() => {
    if (status === undefined) return;
    const now = performance.now();
    if (status.kind === last.current.kind && now - last.current.at < EVERY_MS) return;
    last.current = { kind: status.kind, at: now };
    spoken.value = statusText(status);
  }, [status, spoken]);
  return (
    <output class="visually-hidden" data-testid="announcer">
      {spoken}
    </output>
  );
}
