import type { NamedTensor } from "../../model/named-tensor.ts";
import type { FloatEncoding } from "../float-encodings.ts";

/** How PyTorch stores the values of a tensor. */
export interface TorchDtype {
  /** As in `torch.float32`. */
  readonly name: string;
  /** Bytes per value. */
  readonly bytes: number;
  /** Set for what weights may be. */
  readonly encoding: FloatEncoding | undefined;
  readonly values: NamedTensor["values"];
}

function floats(name: string, bytes: number, encoding: FloatEncoding): TorchDtype {
  return { name, bytes, encoding, values: "floats" };
}

function others(values: "integers" | "others", bytes: number, ...names: string[]): TorchDtype[] {
  return names.map((name) => ({ name, bytes, values, encoding: undefined }));
}

const DTYPES: ReadonlyMap<string, TorchDtype> = new Map(
  [
    floats("float32", 4, "F32"),
    floats("float16", 2, "F16"),
    floats("bfloat16", 2, "BF16"),
    floats("float64", 8, "F64"),
    ...others("integers", 1, "bool", "int8", "uint8"),
    ...others("integers", 2, "int16", "uint16"),
    ...others("integers", 4, "int32", "uint32"),
    ...others("integers", 8, "int64", "uint64"),
    ...others("others", 1, "qint8", "quint8", "quint4x2", "quint2x4"),
    ...others("others", 1, "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"),
    ...others("others", 1, "float8_e8m0fnu", "float4_e2m1fn_x2"),
    ...others("others", 4, "complex32", "qint32"),
    ...others("others", 8, "complex64"),
    ...others("others", 16, "complex128"),
  ].map((dtype) => [dtype.name, dtype]),
);

/** Classes of storages, which were of one type each before PyTorch 2, and still are in files. */
const STORAGES: ReadonlyMap<string, string> = new Map([
  ["FloatStorage", "float32"],
  ["HalfStorage", "float16"],
  ["BFloat16Storage", "bfloat16"],
  ["DoubleStorage", "float64"],
  ["BoolStorage", "bool"],
  ["CharStorage", "int8"],
  ["ByteStorage", "uint8"],
  ["ShortStorage", "int16"],
  ["IntStorage", "int32"],
  ["LongStorage", "int64"],
  ["QInt8Storage", "qint8"],
  ["QUInt8Storage", "quint8"],
  ["QUInt4x2Storage", "quint4x2"],
  ["QUInt2x4Storage", "quint2x4"],
  ["QInt32Storage", "qint32"],
  ["ComplexFloatStorage", "complex64"],
  ["ComplexDoubleStorage", "complex128"],
  // Bytes, of which each tensor says what they are.
  ["UntypedStorage", "uint8"],
]);

/** A type by its name in `torch`. */
export function torchDtype(name: string): TorchDtype | undefined {
  return DTYPES.get(name);
}

/** What a storage's class says of its values: `torch.FloatStorage`, `torch.cuda.FloatStorage`. */
export function storageDtype(className: string): TorchDtype | undefined {
  return DTYPES.get(STORAGES.get(className) ?? "");
}
