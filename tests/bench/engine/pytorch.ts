import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Entrant } from "./compare.ts";
import { ContestantProcess } from "./contestant-process.ts";
import { distillationCase, type CaseSize } from "./distillation-case.ts";

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

/** PyTorch in a process of Python. `folder` takes the case's numbers, about 100 MB. */
export function torchEntrant(python: string, device: TorchDevice, folder: string): Entrant {
  const script = fileURLToPath(new URL("../pytorch_step.py", import.meta.url));
  return {
    engine: "pytorch",
    threads: 1,
    start: (size) => {
      writeCase(folder, size);
      return ContestantProcess.program(python, [script, folder, device]);
    },
  };
}

function writeCase(folder: string, size: CaseSize): void {
  const { graph, layout, teacher, student, batches, settings } = distillationCase(size);
  const description = { ...size, classes: graph.classes, entries: layout.entries, settings };
  const write = (name: string, values: Float32Array): void =>
    writeFileSync(join(folder, name), new Uint8Array(values.buffer));
  writeFileSync(join(folder, "case.json"), JSON.stringify(description));
  write("teacher.f32", teacher);
  write("student.f32", student);
  writeFileSync(
    join(folder, "images.f32"),
    Buffer.concat(batches.map(({ values }) => new Uint8Array(values.buffer))),
  );
}
