import { expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { nodeHost } from "../host.js";
import { installedEngine } from "../install.js";
import { findCompiler } from "../tools.js";
import { measureHolders } from "./holders.js";
import { kernelNames } from "./register.js";

// The other tests of kernels are left out where there are none. This one says where there should be some.
const native = (await engines()).find(({ name }) => name === "tfjs-node");
const installed = native && (await installedEngine());
const expected = installed?.includeDirectory !== undefined && (await findCompiler(nodeHost())) !== undefined;

it.skipIf(!expected)(
  "the native engine has its fused kernels where it was made and there is a compiler",
  async () => {
    await native?.use();
    expect(native?.engine.kernels, native?.engine.note).toEqual(kernelNames);
  },
);

it.skipIf(!expected)("they know memory that one tensor holds alone, and so can overwrite it", async () => {
  await native?.use();
  expect(measureHolders()).toBeGreaterThan(0);
});
