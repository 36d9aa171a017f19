import { setTimeout as delay } from "node:timers/promises";

/** What `Runtime.getHeapUsage` answers (Chrome DevTools Protocol), bytes. */
interface HeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
  readonly embedderHeapUsedSize: number;
}

/** The Worker with all its objects, and Miniflare's stand-in for R2. */
const LOOKED_INTO: ReadonlySet<string> = new Set(["core:user:scour", "r2:bucket"]);

/** What an isolate is asked by. */
interface Inspected {
  readonly name: string;
  readonly socket: WebSocket;
}

/** Live bytes of a runtime's isolates over some time, by their names. */
export interface LiveWatch {
  /** Ends the watch. @returns the most bytes that each held after a collection of garbage */
  stop(): Promise<Map<string, number>>;
}

/**
 * The isolates of a workerd, by its inspector. Their garbage is collected before every look, so that what
 * is counted is in use: the platform bounds that, and a process' resident memory does not tell it.
 */
export class Isolates {
  readonly #inspected: readonly Inspected[];
  #calls = 0;

  private constructor(inspected: readonly Inspected[]) {
    this.#inspected = inspected;
  }

  /** Connects to the inspector at this port of this machine: to the Worker, and to what stands for R2. */
  static async open(port: number): Promise<Isolates> {
    const answer = await fetch(`http://127.0.0.1:${port}/json`);
    const targets = (await answer.json()) as { id: string; webSocketDebuggerUrl: string }[];
    return new Isolates(
      await Promise.all(
        targets
          .filter(({ id }) => LOOKED_INTO.has(id))
          .map(async ({ id, webSocketDebuggerUrl }) => {
            const socket = new WebSocket(webSocketDebuggerUrl);
            await new Promise((resolve, reject) => {
              socket.addEventListener("open", resolve);
              socket.addEventListener("error", reject);
            });
            return { name: id, socket };
          }),
      ),
    );
  }

  /** Looks again and again until it is stopped. */
  watch(everyMs = 200): LiveWatch {
    const most = new Map<string, number>();
    const over = new AbortController();
    const looks = Promise.all(
      this.#inspected.map(async (isolate) => {
        while (!over.signal.aborted) {
          const bytes = await this.#liveBytes(isolate);
          most.set(isolate.name, Math.max(bytes, most.get(isolate.name) ?? 0));
          await delay(everyMs);
        }
      }),
    );
    return {
      stop: async () => {
        over.abort();
        await looks;
        return most;
      },
    };
  }

  close(): void {
    for (const { socket } of this.#inspected) socket.close();
  }

  async #liveBytes({ socket }: Inspected): Promise<number> {
    await this.#call(socket, "HeapProfiler.collectGarbage");
    const usage = (await this.#call(socket, "Runtime.getHeapUsage")) as HeapUsage;
    return usage.usedSize + usage.backingStorageSize + usage.embedderHeapUsedSize;
  }

  #call(socket: WebSocket, method: string): Promise<unknown> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      const listen = ({ data }: MessageEvent): void => {
        const message = JSON.parse(String(data)) as { id?: number; result?: unknown };
        if (message.id !== id) return;
        socket.removeEventListener("message", listen);
        if (message.result === undefined) reject(new Error(`${method}: ${String(data)}`));
        else resolve(message.result);
      };
      socket.addEventListener("message", listen);
      socket.send(JSON.stringify({ id, method }));
    });
  }
}
