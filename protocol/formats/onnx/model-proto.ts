import type { ByteRun } from "../byte-source.ts";
import {
  readEntry,
  readFloats,
  readIntegers,
  readTensor,
  readText,
  type OnnxTensor,
} from "./tensor-proto.ts";
import { malformed, type Field, type WireReader } from "./wire.ts";

/**
 * The needed part of ONNX's messages (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), whose field
 * numbers the `case`s below are.
 */

/** What an attribute of a node may be. */
export type OnnxAttribute =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "numbers"; readonly value: readonly number[] }
  | { readonly kind: "tensor"; readonly value: OnnxTensor }
  | { readonly kind: "graph"; readonly value: OnnxGraph }
  /** Of a kind that no operation here has. */
  | { readonly kind: "other" };

export interface OnnxNode {
  /** What the file calls it, or else its first output. */
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own operations. */
  readonly domain: string;
  /** Names of values; empty where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** An input or output of a graph. */
export interface OnnxValue {
  readonly name: string;
  /** Type of its elements, as numbered by `TensorProto.DataType`; 0 where it is not told. */
  readonly elementType: number;
  /** Undefined where they are not told; a dimension that is open is `undefined`. */
  readonly dims: readonly (number | undefined)[] | undefined;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /** In the file's order. */
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxModel {
  /** Version of ONNX's own operations; 0 where the file does not say. */
  readonly opset: number;
  /** Program that wrote the file, with its version. */
  readonly producer: string;
  readonly graph: OnnxGraph;
  readonly metadata: ReadonlyMap<string, string>;
}

/** `AttributeProto.AttributeType`. */
const FLOAT = 1;
const INT = 2;
const LIST_OF_FLOATS = 6;
const LIST_OF_INTS = 7;

/** Lists of numbers that operations here have are short: strides, axes, shapes. */
const MAX_LIST_BYTES = 2 ** 16;

/** Graphs within nodes within graphs. */
const MAX_NESTING = 4;

/** The file that `reader` reads, without the values of large tensors. */
export async function readModel(reader: WireReader): Promise<OnnxModel> {
  let producer = "";
  let version = "";
  let opset = 0;
  let graph: OnnxGraph | undefined;
  const metadata = new Map<string, string>();
  for await (const field of reader.fields(0, reader.totalBytes, [2, 3, 7])) {
    switch (field.number) {
      case 2:
        producer = await readText(reader, field);
        break;
      case 3:
        version = await readText(reader, field);
        break;
      case 7:
        graph = await readGraph(reader, field, 0);
        break;
      case 8: {
        const [domain, number] = await readOpset(reader, field);
        if (domain !== "" && domain !== "ai.onnx") break;
        if (opset !== 0 && opset !== number) {
          throw malformed(`the file says that it is of opset ${opset} and of opset ${number}`);
        }
        opset = number;
        break;
      }
      case 14:
        metadata.set(...(await readEntry(reader, field)));
        break;
      default:
        break;
    }
  }
  if (graph === undefined)
    throw malformed("the file holds no graph: it is no ONNX model, or truncated");
  return { opset, producer: `${producer} ${version}`.trim(), graph, metadata };
}

async function readOpset(
  reader: WireReader,
  { begin, end }: ByteRun,
): Promise<readonly [domain: string, version: number]> {
  let domain = "";
  let version = 0;
  for await (const field of reader.fields(begin, end, [1, 2])) {
    if (field.number === 1) domain = await readText(reader, field);
    else if (field.number === 2) version = field.varint;
  }
  return [domain, version];
}

async function readGraph(
  reader: WireReader,
  { begin, end }: ByteRun,
  depth: number,
): Promise<OnnxGraph> {
  if (depth > MAX_NESTING) throw malformed(`the file holds graphs more than ${MAX_NESTING} deep`);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const names = new Set<string>();
  for await (const field of reader.fields(begin, end)) {
    switch (field.number) {
      case 1:
        nodes.push(await readNode(reader, field, depth));
        break;
      case 5: {
        const tensor = await readTensor(reader, field);
        if (names.has(tensor.name)) throw malformed(`the file has two tensors '${tensor.name}'`);
        names.add(tensor.name);
        initializers.push(tensor);
        break;
      }
      case 11:
        inputs.push(await readValue(reader, field));
        break;
      case 12:
        outputs.push(await readValue(reader, field));
        break;
      default:
        break;
    }
  }
  return { nodes, initializers, inputs, outputs };
}

async function readNode(
  reader: WireReader,
  { begin, end }: ByteRun,
  depth: number,
): Promise<OnnxNode> {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let name = "";
  let op = "";
  let domain = "";
  for await (const field of reader.fields(begin, end, [3, 4, 7])) {
    switch (field.number) {
      case 1:
        inputs.push(await readText(reader, field));
        break;
      case 2:
        outputs.push(await readText(reader, field));
        break;
      case 3:
        name = await readText(reader, field);
        break;
      case 4:
        op = await readText(reader, field);
        break;
      case 5: {
        const [key, attribute] = await readAttribute(reader, field, depth);
        if (attributes.has(key)) {
          throw malformed(`the node at byte ${begin} has two attributes '${key}'`);
        }
        attributes.set(key, attribute);
        break;
      }
      case 7:
        domain = await readText(reader, field);
        break;
      default:
        break;
    }
  }
  const own = name || outputs[0] || op;
  return { name: own, op, domain: domain === "ai.onnx" ? "" : domain, inputs, outputs, attributes };
}

async function readAttribute(
  reader: WireReader,
  { begin, end }: ByteRun,
  depth: number,
): Promise<readonly [name: string, attribute: OnnxAttribute]> {
  let name = "";
  let attribute: OnnxAttribute = { kind: "other" };
  const numbers: number[] = [];
  let type = 0;
  let isLong = false;
  const single: Field[] = [];
  for await (const field of reader.fields(begin, end, [1, 2, 3, 4, 5, 6, 20])) {
    switch (field.number) {
      case 1:
        name = await readText(reader, field);
        break;
      case 2: // f
      case 3: // i
      case 4: // s
      case 5: // t
      case 6: // g
        single.push(field);
        break;
      case 7: // floats
      case 8: // ints
        type ||= field.number - 1;
        isLong ||= field.end - field.begin > MAX_LIST_BYTES || numbers.length > MAX_LIST_BYTES;
        if (!isLong) {
          const read = field.number === 7 ? readFloats : readIntegers;
          numbers.push(...(await read(reader, field)));
        }
        break;
      case 20:
        type = field.varint;
        break;
      default:
        break;
    }
  }
  const [field, another] = single;
  if (another !== undefined) {
    throw malformed(`the attribute '${name}' at byte ${begin} has two values of different kinds`);
  }
  if (isLong) attribute = { kind: "other" };
  else if (type === LIST_OF_FLOATS || type === LIST_OF_INTS) {
    attribute = { kind: "numbers", value: numbers };
  } else if (field !== undefined) attribute = await readSingle(reader, field, depth);
  // Some writers leave a zero out.
  else if (type === FLOAT || type === INT) attribute = { kind: "number", value: 0 };
  return [name, attribute];
}

async function readSingle(reader: WireReader, field: Field, depth: number): Promise<OnnxAttribute> {
  switch (field.number) {
    case 2:
      return { kind: "number", value: (await readFloats(reader, field))[0] ?? 0 };
    case 3:
      return { kind: "number", value: field.varint };
    case 4:
      return { kind: "text", value: await readText(reader, field) };
    case 5:
      return { kind: "tensor", value: await readTensor(reader, field) };
    default:
      return { kind: "graph", value: await readGraph(reader, field, depth + 1) };
  }
}

/** A `ValueInfoProto`, down to its `TypeProto.Tensor`. */
async function readValue(reader: WireReader, { begin, end }: ByteRun): Promise<OnnxValue> {
  let name = "";
  let elementType = 0;
  let dims: (number | undefined)[] | undefined;
  for await (const field of reader.fields(begin, end, [1, 2])) {
    if (field.number === 1) name = await readText(reader, field);
    if (field.number !== 2) continue;
    for await (const type of reader.fields(field.begin, field.end)) {
      if (type.number !== 1) continue;
      for await (const part of reader.fields(type.begin, type.end)) {
        if (part.number === 1) elementType = part.varint;
        else if (part.number === 2) dims = await readDims(reader, part);
      }
    }
  }
  return { name, elementType, dims };
}

async function readDims(
  reader: WireReader,
  { begin, end }: ByteRun,
): Promise<(number | undefined)[]> {
  const dims: (number | undefined)[] = [];
  for await (const dim of reader.fields(begin, end)) {
    if (dim.number !== 1) continue;
    let size: number | undefined;
    for await (const field of reader.fields(dim.begin, dim.end)) {
      if (field.number === 1 && field.varint > 0) size = field.varint;
    }
    dims.push(size);
  }
  return dims;
}
