import { call, global, operations, text, tuple } from "./assemble.ts";

/** Functions and classes that write or make a file when they are called with its path. */
const WRITERS = [
  "os.system",
  "os.mkdir",
  "os.makedirs",
  "os.mknod",
  "os.mkfifo",
  "os.popen",
  "os.open",
  "os.symlink",
  "posix.system",
  "posix.mkdir",
  "nt.system",
  "subprocess.Popen",
  "subprocess.call",
  "subprocess.check_output",
  "subprocess.getoutput",
  "builtins.eval",
  "builtins.exec",
  "builtins.open",
  "builtins.__import__",
  "__builtin__.eval",
  "__builtin__.file",
  "io.open",
  "io.FileIO",
  "_io.open",
  "codecs.open",
  "gzip.open",
  "bz2.open",
  "lzma.open",
  "tarfile.open",
  "zipfile.ZipFile",
  "sqlite3.connect",
  "shelve.open",
  "dbm.open",
  "shutil.copyfile",
  "shutil.copytree",
  "tempfile.mkstemp",
  "logging.FileHandler",
  "distutils.file_util.write_file",
  "pathlib.Path.touch",
  "runpy.run_path",
  "runpy._run_code",
  "importlib.import_module",
  "pty.spawn",
  "asyncio.run",
  "timeit.timeit",
  "cProfile.run",
  "webbrowser.open",
  "pip.main",
  "numpy.save",
  "numpy.savetxt",
  "numpy.memmap",
  "numpy.testing._private.utils.runstring",
  "torch.save",
  "torch.load",
  "torch.hub.download_url_to_file",
  "torch.storage._load_from_bytes",
  "torch.serialization.os.system",
  "torch.utils.tensorboard.SummaryWriter",
  "PIL.Image.open",
  "pandas.io.pickle.read_pickle",
  "dill._dill._create_function",
  "joblib.load",
  "__main__.anything",
] as const;

function named(path: string): readonly [module: string, name: string] {
  const dot = path.lastIndexOf(".");
  return [path.slice(0, dot), path.slice(dot + 1)];
}

/** The ways in which a pickle calls something with a path, each leaving a value on the stack. */
const WAYS: Readonly<Record<string, (path: string, file: string) => Uint8Array>> = {
  REDUCE: (path, file) => call(global(...named(path)), text(file)),
  STACK_GLOBAL: (path, file) => {
    const [module, name] = named(path);
    return call(operations("", text(module), text(name), operations("\u0093")), text(file));
  },
  INST: (path, file) => {
    const [module, name] = named(path);
    return operations("(", text(file), operations(`i${module}\n${name}\n`));
  },
  NEWOBJ: (path, file) =>
    operations("", global(...named(path)), tuple(text(file)), operations("\u0081")),
};

/** Operations of hostile pickles, the names of what each calls and how. */
export function hostileValues(file: string): { name: string; way: string; value: Uint8Array }[] {
  return WRITERS.flatMap((name) =>
    Object.entries(WAYS).map(([way, make]) => ({ name, way, value: make(name, file) })),
  );
}
