/** `npm run settings`: writes docs/SETTINGS.md, the table of all settings of a campaign. */
import { writeFile } from "node:fs/promises";
import { settingsDocument } from "./settings/document.ts";

await writeFile(new URL("../docs/SETTINGS.md", import.meta.url), settingsDocument());
