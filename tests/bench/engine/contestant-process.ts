import { fork, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Answer, Request } from "./messages.ts";

/** A contestant in a process of its own, asked one thing at a time. */
export class ContestantProcess {
  readonly #child: ChildProcess;
  readonly #send: (request: Request) => void;
  readonly #errors: string[] = [];
  #answered: ((answer: Answer) => void) | undefined;
  #ended: string | undefined;

  private constructor(child: ChildProcess, send: (request: Request) => void) {
    this.#child = child;
    this.#send = send;
    child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#errors.push(text));
    child.on("error", ({ message }) => this.#end(message));
    child.on("exit", (code, signal) => {
      const last = this.#errors.join("").trim().split("\n").slice(-1)[0] ?? "";
      this.#end(`its process ended with ${signal ?? `code ${code}`}${last && `: ${last}`}`);
    });
  }

  /** A process of Node that runs `engine-child.ts`. */
  static node(): ContestantProcess {
    const script = fileURLToPath(new URL("../engine-child.ts", import.meta.url));
    const child = fork(script, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const process = new ContestantProcess(child, (request) => child.send(request));
    child.on("message", (answer: Answer) => process.#answer(answer));
    return process;
  }

  /** A program that reads requests and writes answers, each a line of JSON. */
  static program(command: string, args: readonly string[]): ContestantProcess {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    // Its end is told by `exit`; what could not be written then is of no interest.
    child.stdin.on("error", () => {});
    const process = new ContestantProcess(child, (request) => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      process.#answer(JSON.parse(line) as Answer);
    });
    return process;
  }

  /**
   * @param limitSeconds after which the process is ended
   * @throws Error saying what went wrong
   */
  async ask<Kind extends Request["kind"]>(
    request: Extract<Request, { kind: Kind }>,
    limitSeconds: number,
  ): Promise<Extract<Answer, { kind: AnswerKind[Kind] }>> {
    const answer = await new Promise<Answer>((resolve) => {
      if (this.#ended !== undefined) {
        resolve({ kind: "failed", message: this.#ended });
        return;
      }
      const patience = setTimeout(
        () => {
          this.#end(`gave up after ${limitSeconds.toFixed(0)} s`);
          this.stop();
        },
        Math.min(limitSeconds * 1000, 2 ** 31 - 1),
      );
      this.#answered = (given) => {
        clearTimeout(patience);
        resolve(given);
      };
      this.#send(request);
    });
    if (answer.kind === "failed") throw new Error(answer.message);
    return answer as Extract<Answer, { kind: AnswerKind[Kind] }>;
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  #answer(answer: Answer): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(answer);
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#answer({ kind: "failed", message: this.#ended });
  }
}

interface AnswerKind {
  readonly open: "opened";
  readonly run: "ran";
  readonly convolutions: "convolutions";
}
