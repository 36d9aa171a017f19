/**
 * What pickles of checkpoints call that does nothing but make data. Everything else that is called is
 * refused (SPEC T3): lists of what is dangerous miss things, as scanners of pickles have found.
 */

function names(module: string, ...members: readonly string[]): string[] {
  return members.map((member) => `${module}.${member}`);
}

const PLAIN_NAMES = [
  "bool",
  "bytearray",
  "bytes",
  "complex",
  "dict",
  "float",
  "frozenset",
  "int",
  "list",
  "long",
  "object",
  "range",
  "set",
  "slice",
  "str",
  "tuple",
  "unicode",
];

/** What goes through its arguments when it is called: these must be plain data all through. */
export const PLAIN_CALLS: ReadonlySet<string> = new Set([
  ...names("collections", "Counter", "OrderedDict", "defaultdict", "deque"),
  ...names("builtins", ...PLAIN_NAMES),
  ...names("__builtin__", ...PLAIN_NAMES),
]);

/** Functions and classes that may be called with data; `judge-making.ts` has the exceptions. */
export const ALLOWED_CALLS: ReadonlySet<string> = new Set([
  // A tensor of a storage; what it is a part of.
  ...names(
    "torch._utils",
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_qtensor",
    "_rebuild_sparse_tensor",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_device_tensor_from_numpy",
    "_rebuild_device_tensor_from_cpu_tensor",
  ),
  ...names("torch", "Size", "device"),
  ...names("torch.nn.parameter", "Parameter", "Buffer"),
  "torch.serialization._get_layout",
  "torch.torch_version.TorchVersion",
  "torchvision.transforms.functional.InterpolationMode",
  // What TorchScript writes.
  ...names(
    "torch.jit._pickle",
    "build_boollist",
    "build_doublelist",
    "build_intlist",
    "build_tensor_from_id",
    "build_tensorlist",
    "restore_type_tag",
  ),
  ...PLAIN_CALLS,
  "_codecs.encode",
  // Arrays, their types and numbers of them.
  ...names("numpy", "dtype", "ndarray"),
  ...names("numpy.core.multiarray", "_reconstruct", "scalar"),
  ...names("numpy._core.multiarray", "_reconstruct", "scalar"),
  "numpy.core.numeric._frombuffer",
  "numpy._core.numeric._frombuffer",
  "numpy.random.__RandomState_ctor",
  ...names(
    "numpy.random._pickle",
    "__bit_generator_ctor",
    "__generator_ctor",
    "__randomstate_ctor",
  ),
  ...names("datetime", "date", "datetime", "time", "timedelta", "timezone"),
  ...names(
    "pathlib",
    "Path",
    "PosixPath",
    "PurePath",
    "PurePosixPath",
    "PureWindowsPath",
    "WindowsPath",
  ),
  ...names("types", "SimpleNamespace"),
  ...names("argparse", "Namespace"),
  "logging.getLogger",
  "decimal.Decimal",
  "fractions.Fraction",
  "uuid.UUID",
  // Keeps a function and arguments for whoever calls it later: which functions, is judged.
  "functools.partial",
]);

/** Make an object of the class that is their first argument, without the class's own beginning. */
export const ALLOWED_MAKERS: ReadonlySet<string> = new Set([
  ...names("copyreg", "__newobj__", "_reconstructor"),
  ...names("copy_reg", "__newobj__", "_reconstructor"),
]);

/** Call the function that is their first argument. */
export const ALLOWED_CALLERS: ReadonlySet<string> = new Set([
  ...names("torch._tensor", "_rebuild_from_type", "_rebuild_from_type_v2"),
  ...names("torch.tensor", "_rebuild_from_type"),
]);

/** Of Python's own modules: may be named, but not called. */
export const ALLOWED_MODULES: ReadonlySet<string> = new Set(["typing"]);

/** Call their argument: nothing but NumPy's own makers of generators. */
export const GENERATOR_CALLS =
  /^numpy\.random(?:\.__RandomState_ctor|\._pickle\.__(?:generator|randomstate|bit_generator)_ctor)$/;
export const GENERATOR_PARTS =
  /^numpy\.random\.(?:_pickle\.__bit_generator_ctor|_(?:mt19937\.MT19937|pcg64\.PCG64(?:DXSM)?|philox\.Philox|sfc64\.SFC64))$/;

/** What `functools.partial` may keep: layers, and functions of numbers alone. */
export const ALLOWED_PARTIALS =
  /^(?:torch\.nn\.modules\.\w+|timm\.(?:models\.)?layers\.\w+|torchvision\.ops\.\w+)\.[A-Z]\w*$|^torch\.nn\.functional\.(?:relu6?|leaky_relu|elu|selu|celu|gelu|silu|mish|softplus|tanh|sigmoid|hardtanh|hardswish|hardsigmoid|softmax|log_softmax)$|^torch\._C\._nn\.\w+$/;

/** Types of numbers and arrays, and constants: named as arguments, and called by nothing. */
export const DATA_TYPES =
  /^torch\.(?:(?:b?float|double|half|q?u?int|long|short|bool|complex|per_(?:tensor|channel)|sparse_)\w*|strided|contiguous_format|preserve_format|channels_last(?:_3d)?)$|^numpy(?:\.\w+)?\.(?:ndarray|matrix|recarray|memmap|record|void|bool_|(?:u?int|float|complex)\d+)$/;

/** Classes of which networks, optimisers and data are made: that they are named says nothing. */
export const FAMILIAR =
  /^(?:__torch__\.|(?:torch|torchvision|timm|numpy|PIL|fastai|fastcore)\.(?:\w+\.)*_?[A-Z]\w*$)/;
