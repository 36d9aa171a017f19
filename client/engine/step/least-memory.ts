import { compileProgram, type CompileOptions } from "../program/compile.ts";
import { activationBytes, type Program } from "../program/program.ts";
import { programOf, stepPasses, takesImagesAlone } from "./passes.ts";
import type { StepRequest } from "./request.ts";

/** What of a step cannot be cut any further, and how many images that is. */
export interface LeastPart {
  readonly images: number;
  readonly program: Program;
}

/**
 * The part of a step that needs most memory when it is cut as small as may be (SPEC D7.3): a norm group, or
 * an image where images stand alone. It is compiled, so known before anything is fetched or allocated.
 */
export function largestLeastPart(
  model: Omit<CompileOptions, "mode" | "batch" | "copies" | "ascends">,
  request: StepRequest,
): LeastPart {
  const parts = stepPasses(request).map((pass) => {
    const passProgram = programOf(pass);
    const images = takesImagesAlone(passProgram) ? 1 : request.groupSize;
    const batch = { groupSize: images, groups: 1 };
    return { images, program: compileProgram({ ...model, ...passProgram, batch }) };
  });
  return parts.reduce((most, part) =>
    activationBytes(part.program) > activationBytes(most.program) ? part : most,
  );
}

/** Bytes for people, rounded up. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
