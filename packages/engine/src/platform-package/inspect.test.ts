import { describe, expect, it } from "vitest";
import { fakeHost } from "../testing/fake-host.js";
import { neededVersions, requireBaseline, sharedWideFunctions } from "./inspect.js";

describe("neededVersions", () => {
  it("takes the newest by its numbers", () => {
    const headers = `
  required from libstdc++.so.6:
    0x08922974 0x00 09 GLIBCXX_3.4.9
    0x0297f861 0x00 08 GLIBCXX_3.4.21
    0x08922974 0x00 05 CXXABI_1.3.9
  required from libc.so.6:
    0x069691b4 0x00 04 GLIBC_2.34
    0x09691a75 0x00 03 GLIBC_2.2.5`;
    expect(neededVersions(headers)).toEqual({ glibc: "2.34", libstdcxx: "3.4.21" });
  });
});

// As objdump -d -C --no-show-raw-insn prints.
const wide = (name: string) => `
0000000000009ab0 <${name}>:
    9ab0:\tpush   %rbp
    9ab1:\tvmovups %zmm0,(%rdi)
    9ab7:\tret
`;
const narrow = `
0000000000007020 <sitjs::Best()>:
    7020:\tmovaps %xmm0,(%rdi)
    7024:\tret
`;

describe("sharedWideFunctions", () => {
  it("allows AVX in functions of one object alone", () => {
    expect(sharedWideFunctions(narrow + wide("(anonymous namespace)::Gelu(long, float const*)"))).toEqual([]);
    expect(sharedWideFunctions(wide("void (anonymous namespace)::MoveBand<true, 3>(long)"))).toEqual([]);
  });

  it.each(["std::vector<float>::push_back(float&&)", "sitjs::Round(float)", "_GLOBAL__sub_I_compute.cc"])(
    "finds AVX in %s",
    async (name) => {
      expect(sharedWideFunctions(narrow + wide(name) + narrow)).toEqual([name]);
      const host = fakeHost({ objdump: () => ({ stdout: wide(name) }) });
      await expect(requireBaseline("kernels.node", host)).rejects.toThrow(`got 1 others: ${name}`);
    },
  );

  it("says that it cannot look without objdump", async () => {
    await expect(requireBaseline("kernels.node", fakeHost())).rejects.toMatchObject({
      message: expect.stringContaining("objdump"),
      mend: "Install binutils.",
    });
  });
});
