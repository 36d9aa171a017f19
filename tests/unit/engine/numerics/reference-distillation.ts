import type { GradientSettings, StepResult } from "../../../../client/engine/engine.ts";
import { lossWithCopies, type CopyPlan } from "./reference-adversary.ts";
import { referenceLoss } from "./reference-loss.ts";
import type { Tensor } from "./reference-operations.ts";

/** Of images, and of perturbed copies where the settings have such: the divergence and its gradient. */
export function distillationLoss(
  student: Tensor,
  teacher: Tensor,
  plan: CopyPlan,
  { temperature, adversary }: Pick<GradientSettings, "temperature" | "adversary">,
): { readonly result: StepResult; readonly dLogits: Tensor; readonly smallestLead: number } {
  if (!adversary) {
    const target = { logits: teacher, temperature };
    const { loss, agreement, ...rest } = referenceLoss(student, target);
    return { result: { loss, agreement }, ...rest };
  }
  const { weight } = adversary;
  const { images, copies, dLogits } = lossWithCopies(student, teacher, temperature, plan, weight);
  const result = {
    loss: images.loss,
    agreement: images.agreement,
    adversary: { loss: copies.loss, agreement: copies.agreement },
  };
  return { result, dLogits, smallestLead: Math.min(images.smallestLead, copies.smallestLead) };
}
