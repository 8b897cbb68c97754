/// <reference types="vite/client" />
// The page of `npm run browser-test`: runs the packages' own tests on one backend of tfjs and tells how each ended.
import * as tf from "@tensorflow/tfjs";
import { type File, startTests, type Task, type VitestRunner } from "@vitest/runner";
import { getTasks, getTests } from "@vitest/runner/utils";
import { backend } from "./engines.js";

/** How one file of tests ended. */
interface Ending {
  /** Its path in the repository. */
  readonly file: string;
  readonly passed: number;
  readonly skipped: number;
  /** Name and reason of what failed. */
  readonly failed: readonly string[];
}

declare global {
  /** How far the page is: the command waits for it. */
  var sitjsDone: boolean;
  /** Given by the command: takes each ending. */
  function sitjsReport(ending: Ending): Promise<void>;
}

const suites = import.meta.glob([
  "./*.test.ts",
  "../packages/{core,vit,masking,losses}/src/**/*.test.ts",
  "../packages/train/src/methods/sit.test.ts",
  // Files and child processes.
  "!../packages/*/src/node/**",
  "!../packages/*/src/*-python.test.ts",
]);

class PageRunner implements VitestRunner {
  readonly config: VitestRunner["config"] = {
    root: "/",
    setupFiles: [],
    name: backend,
    passWithNoTests: false,
    testNamePattern: undefined,
    allowOnly: false,
    sequence: { seed: 0, hooks: "stack", setupFiles: "list" },
    chaiConfig: undefined,
    maxConcurrency: 1,
    // WebGL without a graphics card, on a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  };

  importFile(path: string): unknown {
    return suites[path]?.();
  }
}

function endingOf(path: string, file: File): Ending {
  const tests = getTests(file);
  const of = (state: string) => tests.filter(({ result, mode }) => (result?.state ?? mode) === state);
  // Also files that broke before their first test or have none, and groups whose preparation failed.
  const failed = getTasks(file)
    .filter(({ result }) => result?.errors?.length)
    .map((task) => `${nameOf(task)}: ${reasonsOf(task)}`);
  const lost = tests.length - of("pass").length - of("skip").length - of("fail").length;
  if (lost > 0) failed.push(`${lost} tests did not run`);
  return {
    file: path.replace(/^\.\.\//, "").replace(/^\.\//, "browser/"),
    passed: of("pass").length,
    skipped: of("skip").length,
    failed,
  };
}

function nameOf(task: Task): string {
  return task.suite && task.suite !== task.file ? `${nameOf(task.suite)} > ${task.name}` : task.name;
}

const reasonsOf = ({ result }: Task): string =>
  (result?.errors ?? [])
    .map(({ message, stack }) => (stack ?? message).split("\n").slice(0, 8).join("\n"))
    .join("\n");

const pattern = new RegExp(new URLSearchParams(location.search).get("files") ?? "");
for (const path of Object.keys(suites).filter((path) => pattern.test(path))) {
  // Vitest gives each file a process; here what a file leaves behind goes before the next one comes.
  tf.engine().startScope(path);
  const [file] = await startTests([path], new PageRunner());
  tf.engine().endScope();
  await globalThis.sitjsReport(endingOf(path, file as File));
}
globalThis.sitjsDone = true;
