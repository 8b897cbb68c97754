// Compiles the kernels into src/kernel-binary.ts: npm run kernels -w @sitjs/augment. The result is committed, so that
// sources run without a build; a test compiles again and compares.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const folder = fileURLToPath(new URL(".", import.meta.url));
const target = new URL("../src/kernel-binary.ts", import.meta.url);

/** The text of `src/kernel-binary.ts`. Throws the compiler's messages where the sources do not compile. */
export async function compileKernels() {
  /** @type {Uint8Array | undefined} */
  let binary;
  const { error, stderr } = await asc.main(
    [
      "index.ts",
      "--baseDir",
      folder,
      "--outFile",
      "kernels.wasm",
      "--optimizeLevel",
      "3",
      "--converge",
      "--runtime",
      "stub",
      "--noAssert",
      "--use",
      "abort=",
      "--enable",
      "simd",
    ],
    {
      writeFile: (_name, contents) => {
        if (contents instanceof Uint8Array) binary = contents;
      },
    },
  );
  if (error || binary === undefined)
    throw new Error(`the kernels do not compile: ${stderr}`, { cause: error });
  return [
    "/** The compiled kernels in base64. Made by kernels/build.mjs of kernels/*.ts; do not edit. */",
    `export const kernelBinary =\n  "${Buffer.from(binary).toString("base64")}";`,
    "",
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await compileKernels();
  await writeFile(target, text);
  console.log(`Wrote ${fileURLToPath(target)}, ${(text.length / 1024).toFixed(1)} kB`);
}
