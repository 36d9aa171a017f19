import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Entrant } from "./compare.ts";
import { ContestantProcess } from "./contestant-process.ts";
import { distillationCase, type CaseSize, type DistillationCase } from "./distillation-case.ts";

export type TorchDevice = "cuda" | "cpu";

/**
 * Why PyTorch cannot take part on a device; undefined when it can.
 *
 * @param python name or path of the interpreter
 */
export function torchRefusal(python: string, device: TorchDevice): string | undefined {
  let told: string;
  try {
    const question = "import torch; print(torch.cuda.is_available())";
    told = execFileSync(python, ["-c", question], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    const reason = stderr?.trim().split("\n").at(-1);
    return reason ? `${python}: ${reason}` : `'${python}' could not be started`;
  }
  const hasCuda = told.trim() === "True";
  return device === "cuda" && !hasCuda ? `PyTorch of ${python} finds no CUDA device` : undefined;
}

/**
 * PyTorch in a process of Python.
 *
 * @param folder takes the case's numbers, up to 250 MB
 */
export function torchEntrant(
  python: string,
  device: TorchDevice,
  folder: string,
  threads: number,
): Entrant {
  const script = fileURLToPath(new URL("../pytorch_step.py", import.meta.url));
  return {
    engine: "pytorch",
    threads,
    start: (size) => {
      writeCase(folder, size);
      return ContestantProcess.program(python, [script, folder, device]);
    },
  };
}

function writeCase(folder: string, size: CaseSize): void {
  const problem = distillationCase(size);
  const { teacher, student, batches } = problem;
  const write = (name: string, values: Float32Array): void =>
    writeFileSync(join(folder, name), new Uint8Array(values.buffer));
  writeFileSync(join(folder, "case.json"), JSON.stringify(torchCase(problem)));
  write("teacher.f32", teacher);
  write("student.f32", student);
  writeFileSync(
    join(folder, "images.f32"),
    Buffer.concat(batches.map(({ values }) => new Uint8Array(values.buffer))),
  );
}

/** What pytorch_step.py is told of a case beside its numbers: the graph, and where its tensors lie. */
export function torchCase({ batch, graph, layout, optimizer, settings }: DistillationCase): object {
  const { entries, trainableLength } = layout;
  return { batch, graph, entries, trainableLength, optimizer, settings };
}
