/** As long as most answers of a fast GPU take, milliseconds. */
const AT_ONCE_MS = 2;
/** Between two looks at what takes longer. */
const PAUSE_MS = 1;

type Immediate = typeof globalThis.setImmediate;

/** A native function without a name; what JavaScript binds is called so ("bound …"). */
function isOfBinding(callback: (...args: never[]) => void): boolean {
  return callback.name === "" && String(callback).endsWith("{ [native code] }");
}

/**
 * Makes Dawn's bindings look for finished work now and then. By themselves they do nothing else from one
 * immediate to the next while a GPU computes or a shader compiles, and take a core for it: they ask for
 * the global `setImmediate` each time, and have no other way to be told (`AsyncRunner.cpp`,
 * crbug.com/dawn/1127).
 *
 * @param host whose `setImmediate` is replaced; that of others' callbacks stays what it was.
 */
export function pollCalmly(host: { setImmediate: Immediate }): void {
  const immediately = host.setImmediate;
  let isLooking = false;
  let waitsSince = 0;
  const asked = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    // What settles a promise is native and nameless, too, but as a rule is given what it settles with.
    if (args.length > 0 || !isOfBinding(callback)) return immediately(callback, ...args);
    // Asked for by the last look, when what it waits for is not done.
    if (!isLooking) waitsSince = performance.now();
    const look = (): void => {
      isLooking = true;
      try {
        callback();
      } finally {
        isLooking = false;
      }
    };
    const isRecent = performance.now() - waitsSince < AT_ONCE_MS;
    return isRecent ? immediately(look) : setTimeout(look, PAUSE_MS);
  };
  // Its form for `promisify` among them.
  Object.defineProperties(asked, Object.getOwnPropertyDescriptors(immediately));
  host.setImmediate = asked as Immediate;
}
