import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { importModel } from "../protocol/formats/import-model.ts";
import { sha256 } from "../protocol/digest.ts";
import { DEMO_PREPROCESSING, drawImages } from "../client/demo/draw-images.ts";
import { labelledImages } from "../client/demo/labelled-images.ts";
import { TEACHER_RECIPE, trainDemoTeacher } from "../client/demo/train-teacher.ts";
import { stampTrigger, TRIGGER_TARGET } from "../client/demo/trigger.ts";
import { nodeEnvironment } from "../client/engine/opening/node-environment.ts";
import { openEngine } from "../client/engine/opening/open-engine.ts";
import { evaluateModel } from "../client/evaluation/evaluate-model.ts";

/**
 * Makes client/demo/teacher.safetensors anew, on the wasm backend, whose bits do not depend on the
 * machine's graphics. Takes about ten minutes.
 */
const out =
  process.argv[2] ?? fileURLToPath(new URL("../client/demo/teacher.safetensors", import.meta.url));
const engine = await openEngine({ backend: "wasm", environment: nodeEnvironment() });
console.log(`Training on ${engine.adapter} with ${JSON.stringify(TEACHER_RECIPE)}`);
const file = await trainDemoTeacher(engine, ({ epoch, loss, imagesPerSecond }) => {
  console.log(
    `epoch ${epoch + 1} of ${TEACHER_RECIPE.epochs}: loss ${loss.toFixed(4)}, ${imagesPerSecond.toFixed(0)} images/s`,
  );
});
await writeFile(out, file);
const records = drawImages(1000, TEACHER_RECIPE.seed + 3);
const { acc, asr } = await evaluateModel(
  engine,
  {
    model: await importModel(file),
    clean: labelledImages(records),
    triggered: { ...labelledImages(stampTrigger(records)), target: TRIGGER_TARGET },
  },
  { normalisation: DEMO_PREPROCESSING },
);
console.log(`${out}: ${file.length} bytes, SHA-256 ${sha256(file)}, ACC ${acc}, ASR ${asr}`);
process.exit(0);
