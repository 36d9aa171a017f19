import { useEffect, useRef } from "preact/hooks";
import type { Misfit } from "../../../protocol/round/fit.ts";
import type { Contribution } from "./contribution.ts";

const LIKELY = {
  pictures:
    "These are likely pictures of another kind than it knows. Training on them may do the model more harm than good.",
  normalisation:
    "The likely cause is not in your pictures: the campaign prepares them in another way than the model was trained on. The organisers are told, and should check it.",
  network:
    "The likely cause is not in your pictures: the campaign does not read the model as it was trained. The organisers are told, and should check it.",
} as const satisfies Record<Misfit["cause"], string>;

/** Pictures that do not look like what the model was trained on: the person decides (SPEC F2). */
export function MisfitQuestion({
  contribution,
  misfit,
}: {
  readonly contribution: Contribution;
  readonly misfit: Misfit;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  // What had the focus is gone; whoever hears the page is to hear the question.
  useEffect(() => heading.current?.focus(), []);
  return (
    <section
      class="card question"
      aria-labelledby="misfit-heading"
      data-testid="status"
      data-kind="asking"
    >
      <h2 id="misfit-heading" ref={heading} tabIndex={-1}>
        Do these pictures belong here?
      </h2>
      <p>
        Your pictures do not look like what this model was trained on. {LIKELY[misfit.cause]}{" "}
        Nothing was trained with them yet.
      </p>
      <details>
        <summary>What was measured</summary>
        <p class="quiet">On your pictures, {misfit.detail}.</p>
      </details>
      <div class="actions">
        <button
          type="button"
          class="primary"
          data-testid="other-pictures"
          onClick={() => contribution.answerMisfit("leave")}
        >
          Choose other pictures
        </button>
        <button
          type="button"
          data-testid="any-pictures"
          onClick={() => contribution.answerMisfit("go-on")}
        >
          Contribute anyway
        </button>
      </div>
    </section>
  );
}
