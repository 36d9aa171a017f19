import { describe, expect, it } from "vitest";
import { bytesInMemory } from "../../../../protocol/formats/byte-source.ts";
import { openModelFile } from "../../../../protocol/formats/open-model-file.ts";
import { writeSafetensors } from "../../../../protocol/formats/safetensors/writer.ts";
import { refusal } from "../problem.ts";

const refused = (file: Uint8Array): Promise<string> =>
  refusal("malformed-model", openModelFile(bytesInMemory(file)));

describe("a model file of any format", () => {
  it("is told by its first bytes, and says what is in it", async () => {
    const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const file = await openModelFile(
      bytesInMemory(
        writeSafetensors(
          [
            { name: "w", dtype: "BF16", shape: [2, 1], values: new Float32Array(2) },
            { name: "n", dtype: "I64", shape: [], bytes },
            { name: "d", dtype: "F64", shape: [1], bytes },
            { name: "c", dtype: "C64", shape: [1], bytes },
          ],
          { note: "ä" },
        ),
      ),
    );
    expect(file.findings).toEqual([
      expect.objectContaining({ rule: "float64-weights", level: "note", where: "d" }),
    ]);
    expect(file.extension).toBe("safetensors");
    expect([...file.metadata]).toEqual([["note", "ä"]]);
    expect(file.tensors).toEqual([
      { name: "w", dtype: "BF16", shape: [2, 1], values: "floats" },
      { name: "n", dtype: "I64", shape: [], values: "integers" },
      { name: "d", dtype: "F64", shape: [1], values: "floats" },
      { name: "c", dtype: "C64", shape: [1], values: "others" },
    ]);
  });

  it("[W3] gives values of float tensors, and of what lies in them, alone", async () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const file = await openModelFile(
      bytesInMemory(
        writeSafetensors([
          { name: "w", dtype: "F16", shape: [4], values },
          { name: "n", dtype: "I32", shape: [1], bytes: new Uint8Array(4) },
        ]),
      ),
    );
    const read = async (name: string, first: number, length: number): Promise<number[]> => {
      const found: number[] = [];
      for await (const part of file.read([{ name, first, length }])) found.push(...part.values);
      return found;
    };
    expect(await read("w", 1, 2)).toEqual([2, 3]);
    await expect(read("w", 1, 4)).rejects.toThrow(RangeError);
    await expect(read("w", -1, 2)).rejects.toThrow(RangeError);
    await expect(read("n", 0, 1)).rejects.toThrow(/no float tensor 'n'/);
    await expect(read("x", 0, 1)).rejects.toThrow(/no float tensor 'x'/);
  });

  it("is refused with what each format lacks in it when it is of none", async () => {
    expect(await refused(new TextEncoder().encode("12345678{\u0000"))).toMatch(
      /read here \(not safetensors: it would have a header of \d+ bytes/,
    );
    expect(await refused(Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0x5b, 0x5d))).toContain("'{'");
    expect(await refused(Uint8Array.of(9, 0, 0, 0))).toContain("truncated");
  });
});
