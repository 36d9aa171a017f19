/**
 * Labels by file name, of a table as GTSRB has it: values between semicolons (or commas), a line of names
 * first, `Filename` and `ClassId` among them.
 *
 * @returns nothing for a table without those.
 *
 * @example
 * labelTable("Filename;Width;ClassId\n00000.ppm;53;16\n"); // Map { "00000.ppm" → 16 }
 */
export function labelTable(text: string): ReadonlyMap<string, number> {
  const [first = "", ...lines] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const separator = first.includes(";") ? ";" : ",";
  const names = first.split(separator).map((name) => name.trim().toLowerCase());
  const [file, label] = [names.indexOf("filename"), names.indexOf("classid")];
  const table = new Map<string, number>();
  if (file === -1 || label === -1) return table;
  for (const line of lines) {
    const values = line.split(separator);
    const said = values[label]?.trim() ?? "";
    if (/^\d+$/.test(said)) table.set(values[file]!.trim(), Number(said));
  }
  return table;
}
