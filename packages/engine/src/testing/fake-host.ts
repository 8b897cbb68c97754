import { SitError } from "@sitjs/core/errors";
import type { Host, RunOptions, RunResult } from "../host.js";

/** Answers one command; undefined means there is no such command. */
export type Answer = (
  args: string[],
  options: RunOptions,
) => Partial<RunResult> | Promise<Partial<RunResult>>;

export interface FakeHost extends Host {
  /** Every command that was run, as one line. */
  commands: string[];
}

async function unreachable({ url }: { url: string }): Promise<never> {
  throw new SitError("network", `${url}: cannot be downloaded (getaddrinfo ENOTFOUND pypi.org)`);
}

/** A Linux machine with plenty of disk, no network and no commands but the given ones. */
export function fakeHost(commands: Record<string, Answer> = {}, changes: Partial<Host> = {}): FakeHost {
  const ran: string[] = [];
  return {
    platform: "linux",
    arch: "x64",
    nodeVersion: "20.19.0",
    env: {},
    cores: 4,
    memoryBytes: 8e9,
    cpuModel: "a processor",
    musl: false,
    glibc: "2.36",
    commands: ran,
    async run(command, args, options = {}) {
      ran.push([command, ...args].join(" "));
      const answer = commands[command];
      if (answer === undefined) return { code: 127, stdout: "", stderr: "" };
      return { code: 0, stdout: "", stderr: "", ...(await answer(args, options)) };
    },
    findExecutable: async (command) =>
      commands[command] && { path: `/bin/${command}`, bytes: 1, modifiedMilliseconds: 0 },
    findPackage: () => undefined,
    download: unreachable,
    downloadText: unreachable,
    freeBytes: async () => 100e9,
    ...changes,
  };
}
