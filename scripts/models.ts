/** `npm run models`: writes docs/MODELS.md, the table of all models that are recognised. */
import { writeFile } from "node:fs/promises";
import { modelsDocument } from "./models/document.ts";

await writeFile(new URL("../docs/MODELS.md", import.meta.url), modelsDocument());
