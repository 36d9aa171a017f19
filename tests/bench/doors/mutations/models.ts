import type { Random } from "../random.ts";

type Header = Record<string, unknown>;

const NUMBERS = [0, -1, 1, 7, 2 ** 31, 2 ** 53, 1e308, 0.5, "0", null, [], NaN];

/** A safetensors file with another header, another length or other values (SPEC W1 to W5). */
export function mutatedModel(file: Buffer, random: Random): Buffer {
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = file.subarray(8, 8 + headerBytes);
  const data = file.subarray(8 + headerBytes);
  switch (
    random.weighted({ entry: 6, text: 3, length: 3, value: 4, cut: 2, longer: 1, bytes: 2 })
  ) {
    case "entry": {
      const tensors = JSON.parse(header.toString()) as Header;
      return fileOf(Buffer.from(JSON.stringify(withOddEntry(tensors, random))), data);
    }
    case "text": {
      const text = header.toString();
      const odd = [
        text.replace("F32", "F64"),
        text.replace("F32", "BF16"),
        text.replace('"dtype"', '"dtype":"F16","dtype"'),
        text.replace("{", '{"__metadata__":{"a":1},'),
        text.replace("{", '{"__metadata__":{"a":"b"},'),
        text.replace("{", '{"__proto__":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},'),
        text.replace("{", `{"x":${"[".repeat(20_000)}`),
        text.replace("{", '{"\\ud800":{"dtype":"I64","shape":[0],"data_offsets":[0,0]},'),
        text.replace("shape", "Shape"),
        ` ${text}`,
        "[]",
        "{}",
        "null",
      ];
      return fileOf(Buffer.from(random.pick(odd)), data);
    }
    case "length": {
      const changed = Buffer.from(file);
      const sizes = [0n, 1n, 2n, 100n, 2n ** 24n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n];
      changed.writeBigUInt64LE(random.pick(sizes), 0);
      return changed;
    }
    case "value": {
      const changed = Buffer.from(data);
      const at = 4 * random.int(data.length / 4);
      changed.writeFloatLE(random.pick([NaN, Infinity, -Infinity, 3.4e38, -1, 0, 1e-42]), at);
      return fileOf(header, changed);
    }
    case "cut":
      return file.subarray(0, random.int(file.length));
    case "longer":
      return Buffer.concat([file, random.bytes(random.pick([1, 4, 1000]))]);
    case "bytes": {
      const changed = Buffer.from(file);
      for (let i = 0; i < 3; i++) changed[8 + random.int(headerBytes)] = random.int(256);
      return changed;
    }
  }
}

function withOddEntry(tensors: Header, random: Random): Header {
  const names = Object.keys(tensors);
  const name = random.pick(names);
  const entry = tensors[name] as { shape: unknown[]; data_offsets: unknown[] } & Header;
  switch (
    random.weighted({ shape: 3, offsets: 3, dtype: 2, rename: 2, gone: 2, value: 1, more: 1 })
  ) {
    case "shape":
      entry.shape = [...entry.shape, random.pick(NUMBERS)];
      return tensors;
    case "offsets":
      entry.data_offsets[random.int(2)] = random.pick(NUMBERS);
      return tensors;
    case "dtype":
      entry["dtype"] = random.pick(["F16", "F64", "I64", "BOOL", "F8_E4M3", "", 1, null]);
      return tensors;
    case "rename": {
      const { [name]: _, ...others } = tensors;
      return { ...others, [random.pick([`${name}x`, "", "\u0000", "é", "module.x"])]: entry };
    }
    case "gone": {
      const { [name]: _, ...others } = tensors;
      return others;
    }
    case "value":
      return { ...tensors, [name]: random.pick([null, 1, [], {}, "x"]) };
    case "more":
      entry["more"] = 1;
      return tensors;
  }
}

function fileOf(header: Buffer, data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}
