import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../../protocol/errors.ts";
import type { Finding } from "../../../../../protocol/formats/finding.ts";
import { judgePickle } from "../../../../../protocol/formats/pickle/judge-pickle.ts";
import { readPickle } from "../../../../../protocol/formats/pickle/read-pickle.ts";
import { call, dict, global, number, operations, pickle, text, tuple } from "./assemble.ts";

const judge = (...pieces: Uint8Array[]) => judgePickle(readPickle(pickle(...pieces), 0), "x.pkl");

function refused(...pieces: Uint8Array[]): ProtocolError {
  try {
    judge(...pieces);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    expect((error as ProtocolError).code).toBe("unsafe-model");
    return error as ProtocolError;
  }
  throw new Error("it was not refused");
}

const made = (module: string, name: string, ...args: Uint8Array[]) =>
  operations("", global(module, name), tuple(...args), operations("\u0081"));

const filled = (object: Uint8Array, ...entries: readonly (readonly [string, Uint8Array])[]) =>
  operations("", object, dict(entries), operations("b"));

const shell = global("torch.utils.collect_env", "run");
const partial = (callee: Uint8Array) => call(global("functools", "partial"), callee);

describe("what a pickle would do", () => {
  it("[T3] is nothing where it makes data, or bare objects of networks' classes", () => {
    const layer = operations(
      "",
      made("torch.nn.modules.conv", "Conv2d"),
      dict([]),
      operations("b"),
    );
    expect(
      judge(
        tuple(
          call(global("collections", "OrderedDict")),
          call(
            global("copy_reg", "_reconstructor"),
            global("argparse", "Namespace"),
            global("__builtin__", "object"),
            operations("N"),
          ),
          call(global("copyreg", "__newobj__"), global("torch.optim.sgd", "SGD")),
          partial(global("torch.nn.functional", "relu")),
          call(global("collections", "defaultdict"), global("builtins", "list")),
          call(
            global("numpy.random._pickle", "__generator_ctor"),
            text("PCG64"),
            global("numpy.random._pickle", "__bit_generator_ctor"),
          ),
          call(global("logging", "getLogger"), text("train")),
          global("torch", "float32"),
          call(global("numpy", "dtype"), global("numpy", "record")),
          call(
            global("torch._tensor", "_rebuild_from_type_v2"),
            global("torch._utils", "_rebuild_tensor_v2"),
            global("torch", "Tensor"),
            tuple(),
            operations("N"),
          ),
          global("typing", "Any"),
          layer,
        ),
      ),
    ).toEqual([]);
  });

  it("[T3] is told of classes that are not PyTorch's", () => {
    const [finding, ...others] = judge(tuple(made("nets", "ResNet"), made("nets", "Block")));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      rule: "pickled-classes",
      level: "warning",
      where: "x.pkl, byte 3",
    });
    expect(finding!.message).toContain("(nets.ResNet, nets.Block)");
  });

  it("[T3] is told of functions of familiar libraries that no weights need", () => {
    expect(judge(shell)[0]!.message).toContain("(torch.utils.collect_env.run)");
  });

  it("[T3.1] is refused for two states of an object, of which Python would set both", () => {
    const logger = filled(call(global("logging", "getLogger")), ["_cache", shell]);
    expect(() => judge(logger, dict([]), operations("b"))).toThrow(/a second state/);
  });

  it("[T3.1] is refused where it calls what is not known to make mere data", () => {
    const error = refused(
      dict([
        ["a", call(global("os", "system"), text("touch x"))],
        ["b", call(global("__builtin__", "eval"), text("1"))],
      ]),
    );
    expect(error.message).toMatch(/calls os\.system \(x\.pkl, byte \d+\).*state_dict/);
    const findings = error.extensions["findings"] as Finding[];
    expect(findings.map(({ level, message }) => [level, message.split(",")[0]])).toEqual([
      ["danger", "opening this pickle calls os.system"],
      ["danger", "opening this pickle calls __builtin__.eval"],
    ]);
  });

  it.each<readonly [what: string, value: Uint8Array, does: string]>([
    [
      "a made object",
      call(partial(global("torch.nn.functional", "relu")), text("x")),
      "calls something that it has made",
    ],
    ["a class with arguments", made("numpy", "memmap", text("x")), "calls numpy.memmap"],
    [
      "what a tensor's type calls",
      call(global("torch._tensor", "_rebuild_from_type_v2"), global("a", "b"), tuple()),
      "calls a.b",
    ],
    [
      "a class with arguments",
      call(global("copyreg", "__newobj__"), global("a", "B"), number(1)),
      "calls a.B",
    ],
    [
      "a class on another base",
      call(
        global("copyreg", "_reconstructor"),
        global("a", "B"),
        global("a", "C"),
        operations("N"),
      ),
      "calls a.B",
    ],
    [
      "a class on no base",
      call(
        global("copyreg", "__newobj__"),
        global("a", "B"),
        global("builtins", "object"),
        text("x"),
      ),
      "calls a.B",
    ],
    [
      "a base that opens what it is given",
      call(
        global("copyreg", "_reconstructor"),
        global("collections", "OrderedDict"),
        global("numpy", "memmap"),
        text("x"),
      ),
      "calls collections.OrderedDict with",
    ],
    ...["__generator_ctor", "__randomstate_ctor", "__bit_generator_ctor"].map(
      (name): readonly [string, Uint8Array, string] =>
        [
          `what ${name} calls`,
          call(global("numpy.random._pickle", name), text("touch x"), shell),
          `calls numpy.random._pickle.${name} with`,
        ] as const,
    ),
    [
      "what a tensor's type calls with a function",
      call(
        global("torch._tensor", "_rebuild_from_type_v2"),
        global("numpy.random._pickle", "__generator_ctor"),
        global("torch", "Tensor"),
        tuple(text("touch x"), shell),
        operations("N"),
      ),
      "calls numpy.random._pickle.__generator_ctor with",
    ],
    [
      "attributes that a tensor's type sets in what is no tensor",
      call(
        global("torch._tensor", "_rebuild_from_type_v2"),
        global("collections", "defaultdict"),
        global("collections", "defaultdict"),
        tuple(),
        dict([["default_factory", shell]]),
      ),
      "sets what collections.defaultdict made",
    ],
    ["a function that is kept", partial(shell), "calls functools.partial with"],
    [
      "a function that is kept in a function's state",
      operations(
        "",
        partial(global("torch.nn.functional", "relu")),
        tuple(shell, tuple(), dict([]), dict([])),
        operations("b"),
      ),
      "calls functools.partial with",
    ],
    [
      "a function for what is missing",
      call(
        global("collections", "defaultdict"),
        partial(global("torch.nn.modules.conv", "Conv2d")),
      ),
      "calls collections.defaultdict with",
    ],
    [
      "a function for what is missing, set afterwards",
      filled(call(global("collections", "defaultdict")), ["default_factory", shell]),
      "sets what collections.defaultdict made",
    ],
    [
      "what is set in Python's loggers",
      filled(call(global("logging", "getLogger")), ["_cache", dict([])]),
      "sets what logging.getLogger made",
    ],
    [
      "what is gone through and does what it was told",
      call(
        global("builtins", "list"),
        filled(made("torch.utils.data.dataloader", "DataLoader"), ["collate_fn", shell]),
      ),
      "calls builtins.list with",
    ],
    [
      "what is gone through in a list",
      call(global("builtins", "dict"), tuple(made("torch.utils.data.dataloader", "DataLoader"))),
      "calls builtins.dict with",
    ],
    [
      "a part of a dotted name",
      operations("", text("torch"), text("serialization.os.system"), operations("\u0093")),
      "takes up torch.serialization.os.system",
    ],
    ["what is only named", global("os", "system"), "takes up os.system"],
    [
      "what a module has imported",
      operations("", text("torch.serialization"), text("os.system"), operations("\u0093")),
      "takes up torch.serialization.os.system",
    ],
    [
      "what is dropped again",
      operations("", global("os", "system"), operations("0N")),
      "takes up os.system",
    ],
  ])("[T3.1] is refused for %s", (_, value, does) => {
    expect(refused(value).message).toContain(`opening this pickle ${does}`);
  });
});
