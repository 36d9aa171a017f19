import { describe, expect, it, vi } from "vitest";
import type { Command } from "commander";
import { commandLine } from "../../../client/cli/main.ts";
import { processTerminal } from "../../../client/cli/show/terminal.ts";
import { runRecorded } from "./recording-terminal.ts";

function silently<Result>(work: () => Result): Result {
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    return work();
  } finally {
    vi.restoreAllMocks();
  }
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

const program = await commandLine({
  terminal: processTerminal(),
  stop: new AbortController().signal,
});

describe("the command line", () => {
  it.each(allCommands(program).map((command) => [pathOf(command), command] as const))(
    "'%s' explains itself with an example",
    (_path, command) => {
      let help = "";
      command.configureOutput({ writeOut: (text) => void (help += text) });
      command.outputHelp();
      expect(help).toMatch(/Example[^\n]*:\n\s+\$ npm run/);
      expect(command.description()).not.toBe("");
    },
  );

  it("has the commands that the documentation names", () => {
    const paths = allCommands(program).map(pathOf);
    for (const path of [
      "serve",
      "helper",
      ...["create", "list", "show", "start", "pause", "resume", "abort", "remove", "export"].map(
        (name) => `campaign ${name}`,
      ),
      ...["rounds", "participants", "metrics"].map((name) => `campaign ${name}`),
      "invite",
      "invite list",
      "invite revoke",
      "join",
      "watch",
      "evaluate",
      "simulate",
      "demo",
      "attack train",
      "attack stamp",
    ]) {
      expect(paths).toContain(path);
    }
  });

  it.each([
    [["nonsense"]],
    [["campaign", "nonsense"]],
    [["serve", "--port", "eighty"]],
    [["serve", "--port", "70000"]],
    [["serve", "--prot", "80"]],
    [["join"]],
    [["invite"]],
    [["invite", "list"]],
    [["campaign", "show"]],
    [["campaign", "remove", "c-x"]],
    [["evaluate", "--model", "m"]],
    [["invite", "c-x", "--uses", "0"]],
    [["campaign", "list", "--coordinator", "nowhere"]],
    [["join", "http://x/join/c#t", "--images", ".", "--backend", "quantum"]],
  ])("ends %j with 2, a misuse", async (args) => {
    const { code, results } = await silently(() => runRecorded(...args));
    expect(code).toBe(2);
    expect(results).toEqual([]);
  });

  it("ends with 2 when options contradict each other, before anything is read", async () => {
    const { code, notes } = await runRecorded(
      ..."campaign create --model nowhere.safetensors --rule mean --clip-norm 3".split(" "),
    );
    expect(code).toBe(2);
    expect(notes[0]).toContain("--clip-norm needs --rule norm-clipped-mean");
  });

  it("says in the help which options must be given", () => {
    const evaluate = program.commands.find((command) => command.name() === "evaluate")!;
    const help = evaluate.helpInformation();
    expect(help).toMatch(/--model <model> +\(required\)/);
    expect(help).not.toMatch(/--teacher <model> +\(required\)/);
  });

  it("ends with 0 for --help", async () => {
    const { code } = await silently(() => runRecorded("campaign", "create", "--help"));
    expect(code).toBe(0);
  });

  it("ends with 1 and says what to do when no coordinator answers", async () => {
    vi.stubEnv("SCOUR_ADMIN_TOKEN", "a-token");
    const { code, notes, results } = await runRecorded(
      ..."campaign list --json --coordinator http://127.0.0.1:9".split(" "),
    );
    vi.unstubAllEnvs();
    expect(code).toBe(1);
    expect(results).toEqual([]);
    expect(notes[0]).toMatch(/no coordinator answers at http:\/\/127\.0\.0\.1:9/);
    expect(notes[1]).toContain("scour -- serve");
  });

  it("ends with 1 when a file is not there", async () => {
    const { code, notes } = await runRecorded(
      ..."evaluate --model nowhere.safetensors --images test.bin".split(" "),
    );
    expect(code).toBe(1);
    expect(notes[0]).toContain("nowhere.safetensors");
  });
});

describe("the terminal", () => {
  it("prints exactly one JSON document to standard output, notes to standard error", () => {
    const out: string[] = [];
    const err: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => out.push(String(text)) > 0);
    vi.spyOn(process.stderr, "write").mockImplementation((text) => err.push(String(text)) > 0);
    const terminal = processTerminal();
    terminal.note("working");
    terminal.redraw(["step 1"]);
    terminal.result({ id: "c-1" }, true, () => "never");
    vi.restoreAllMocks();
    expect(out).toEqual(['{"id":"c-1"}\n']);
    expect(err).toEqual(["working\n", "step 1\n"]);
  });
});

function pathOf(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name());
  return names.join(" ");
}
