import { expect, it } from "vitest";
import { cleansedName } from "../../../../client/cli/model/cleansed-name.ts";

it.each([
  ["teacher.safetensors", "teacher-cleansed.safetensors"],
  ["runs/attack_result.pt", "defense_result.pt"],
  ["C:\\models\\checkpoint.pth.tar", "checkpoint-cleansed.pth.tar"],
  ["hf:a/b@0123:weights/model.onnx", "model-cleansed.onnx"],
  ["https://a.example/m/resnet20.th", "resnet20-cleansed.th"],
  ["model.safetensors.index.json", "model-cleansed"],
  ["my-model/", "my-model-cleansed"],
  ["../../.bashrc", "bashrc-cleansed"],
  ["a\u0000b\n.pt", "a_b_-cleansed.pt"],
  ["..", undefined],
  ["", undefined],
])("%j comes back as %j", (source, name) => {
  expect(cleansedName(source)).toBe(name);
});
