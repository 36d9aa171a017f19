import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { modelFileError, openModelUpload, readModel } from "../../../client/cli/model-file.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const TEACHER = fileURLToPath(new URL("../../../client/demo/teacher.safetensors", import.meta.url));

async function refusal(bytes: Uint8Array): Promise<string> {
  const path = join(await temporaryDirectory(), "model.safetensors");
  await writeFile(path, bytes);
  const results = await Promise.allSettled([openModelUpload(path), readModel(path)]);
  const messages = results.map((result) => {
    if (result.status === "fulfilled") throw new Error("the file was taken");
    expect(result.reason).toMatchObject({ name: "CommandError" });
    return (result.reason as Error).message;
  });
  for (const message of messages) expect(message).toContain(path);
  return messages.join("\n");
}

describe("a model file", () => {
  it("is uploaded under the digest of its bytes", async () => {
    const bytes = await readFile(TEACHER);
    const { body, digest } = await openModelUpload(TEACHER);
    expect(digest).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(body.size).toBe(bytes.length);
  });

  it("is refused before the upload when it is cut short", async () => {
    const bytes = await readFile(TEACHER);
    expect(await refusal(bytes.subarray(0, bytes.length - 1))).toMatch(/truncated|ends|bytes/);
    expect(await refusal(bytes.subarray(0, 5))).toContain("truncated");
  });

  it("is refused when its header claims two gigabytes", async () => {
    const bytes = new Uint8Array(64);
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 31n, true);
    bytes[8] = 0x7b;
    expect(await refusal(bytes)).toContain("2147483648");
  });

  it("is refused when it is no safetensors file or of no known architecture", async () => {
    await refusal(Buffer.from("These are the voyages of the starship Enterprise."));
    const header = Buffer.from('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} ');
    const bytes = Buffer.alloc(8 + header.length + 4);
    bytes.writeBigUInt64LE(BigInt(header.length));
    header.copy(bytes, 8);
    expect(await refusal(bytes)).toMatch(/architecture|recognised|ResNet/i);
  });

  it("is refused when it is one of several parts", async () => {
    const part = "model-00001-of-00003.safetensors";
    await expect(openModelUpload(part)).rejects.toThrow(/one of 3 parts.*\.index\.json/);
  });

  it("is spoken of with flags for settings, and its own names as they are", () => {
    const error = new ProtocolError(
      "malformed-request",
      "tensor 'network.conv1.weight' and 'network.size' differ: say the setting network.prefix, or network.size, not network.size.bias",
    );
    expect(modelFileError("a.pt", error)).toMatchObject({
      message:
        "a.pt: tensor 'network.conv1.weight' and 'network.size' differ: say --network-prefix, or --image-size, not network.size.bias",
    });
  });

  it("is named when it is not there", async () => {
    await expect(openModelUpload("nowhere.safetensors")).rejects.toThrow(/nowhere\.safetensors/);
  });
});
