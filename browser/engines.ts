// In a page in the place of fixtures/engines.ts: the one backend of tfjs that its address asks for, `?backend=webgl`.
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

export const backend = new URLSearchParams(location.search).get("backend") ?? "wasm";

setWasmPaths("/wasm/");
if (!(await tf.setBackend(backend))) throw new Error(`backend ${backend}: tfjs could not start it`);

/** The page's backend, as an engine without kernels. */
export async function engines() {
  return [
    {
      name: backend,
      engine: { name: backend, kernels: [] },
      async use() {
        await tf.setBackend(backend);
      },
    },
  ];
}
