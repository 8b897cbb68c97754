import { createHash } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import type { DownloadOptions } from "@sitjs/core/node";
import { describe, expect, it } from "vitest";
import { zip } from "../../../fixtures/archives.js";
import { fetchPackage } from "./binding-package.js";
import { compileBinding } from "./compile.js";
import { cudaRequirements } from "./cuda.js";
import type { Host } from "./host.js";
import { installOn } from "./install.js";
import { installOfficial } from "./official.js";
import { recipeFor, type Wheel } from "./recipe.js";
import { checkNative } from "./smoke.js";
import { type Answer, fakeHost } from "./testing/fake-host.js";
import { temporaryFolders } from "./testing/temporary.js";
import { findCompiler, findGpu } from "./tools.js";
import { fetchWheel } from "./wheel.js";

const temporary = temporaryFolders();
const compiler: Answer = () => ({ stdout: "g++ 12" });

/** The last argument after `name`. */
function after(args: string[], name: string): string {
  return args[args.indexOf(name) + 1] ?? "";
}

describe("installEngine", () => {
  it("asks for a compiler where there is none and no prebuilt either", async () => {
    const host = fakeHost({}, { arch: "arm64" });
    const error = await installOn(host, { cacheDir: await temporary() }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "engine-install",
      message: expect.stringMatching(/no C\+\+17 compiler/),
      mend: expect.stringMatching(/apt install g\+\+.*wasm engine still works/),
    });
  });

  it("never takes the prebuilt when building from source was asked for", async () => {
    const host = fakeHost({ npm: () => ({}) });
    const installing = installOn(host, { method: "source", cacheDir: await temporary() });
    await expect(installing).rejects.toThrow(/no C\+\+17 compiler/);
    expect(host.commands.filter((line) => line.startsWith("npm"))).toEqual([]);
  });

  it("takes the official prebuilt without a compiler, and says when it is out of reach", async () => {
    const host = fakeHost({
      npm: () => ({ code: 1, stderr: "npm error getaddrinfo ENOTFOUND storage.googleapis.com" }),
    });
    const cacheDir = await temporary();
    await expect(installOn(host, { cacheDir })).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining("storage.googleapis.com"),
      mend: expect.stringMatching(/compiler.*wasm/),
    });
    expect(await readdir(join(cacheDir, "engines"))).toEqual([]);
  });

  it("looks at the disk before it downloads", async () => {
    const host = fakeHost({ "g++": compiler }, { freeBytes: async () => 0.3e9 });
    const installing = installOn(host, { cacheDir: await temporary() });
    await expect(installing).rejects.toMatchObject({
      code: "disk",
      message: expect.stringMatching(/expected 1\.6 GB of free disk, got 0\.3 GB/),
      mend: expect.stringContaining("SITJS_CACHE"),
    });
    expect(host.commands.some((line) => line.startsWith("npm"))).toBe(false);
  });

  it("says that the disk got full, or that the folder cannot be written", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    const host = fakeHost({
      "g++": compiler,
      npm: () => {
        throw full;
      },
    });
    const installing = installOn(host, { cacheDir: await temporary() });
    await expect(installing).rejects.toMatchObject({
      code: "disk",
      message: expect.stringContaining("full"),
    });
    const file = join(await temporary(), "a-file");
    await writeFile(file, "");
    const blocked = installOn(fakeHost({ "g++": compiler }), { cacheDir: file });
    await expect(blocked).rejects.toMatchObject({ code: "disk", message: expect.stringContaining("a-file") });
  });

  it("refuses a Linux without glibc, and unknown options", async () => {
    await expect(installOn(fakeHost({}, { musl: true }), {})).rejects.toThrow(/glibc/);
    const wrong = { variant: "tpu" } as unknown as { variant: "cpu" };
    await expect(installOn(fakeHost(), wrong)).rejects.toThrow(/variant: expected "cpu" or "gpu", got "tpu"/);
  });

  it("can be cancelled, and leaves nothing", async () => {
    const cancel = new AbortController();
    const host = fakeHost({
      "g++": compiler,
      npm: () => {
        cancel.abort();
        return { code: null };
      },
    });
    const cacheDir = await temporary();
    await expect(installOn(host, { cacheDir, signal: cancel.signal })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(await readdir(join(cacheDir, "engines"))).toEqual([]);
  });
});

describe("fetchPackage", () => {
  const { package: wanted } = recipeFor("source", "cpu", "linux", "x64");

  it("says that npm is missing, or what npm said", async () => {
    const folder = await temporary();
    await expect(fetchPackage(wanted, folder, folder, fakeHost())).rejects.toThrow(/npm was not found/);
    const offline = fakeHost({ npm: () => ({ code: 1, stderr: "npm error code ENOTFOUND" }) });
    await expect(fetchPackage(wanted, folder, folder, offline)).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining("ENOTFOUND"),
    });
  });

  it("unpacks what is in the package's folder", async () => {
    const folder = await temporary();
    const archive = zip([
      { name: "package/package.json", content: "{}" },
      { name: "package/lib/a.js", content: "1" },
    ]);
    const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
    const host = fakeHost({
      npm: async (_, { cwd = "" }) => {
        await writeFile(join(cwd, "p.tgz"), archive);
        return {};
      },
    });
    const target = join(folder, "node_modules", "@tensorflow", "tfjs-node");
    await fetchPackage({ ...wanted, integrity }, join(folder, "downloads"), target, host);
    expect((await readdir(target)).sort()).toEqual(["lib", "package.json"]);
    expect(await readdir(join(folder, "downloads", "unpacked"))).toEqual([]);
  });

  it("refuses a package with another content", async () => {
    const folder = await temporary();
    const host = fakeHost({
      npm: async (_, { cwd = "" }) => {
        await writeFile(join(cwd, "p.tgz"), "something else");
        return {};
      },
    });
    const fetching = fetchPackage(wanted, join(folder, "a"), join(folder, "b"), host);
    await expect(fetching).rejects.toThrow(/expected integrity sha512-uHrX\S+, got sha512-/);
    expect(host.commands[0]).toContain("--ignore-scripts");
    expect(host.commands[0]).not.toContain(folder);
  });
});

describe("fetchWheel", () => {
  const content = "a wheel";
  const sha256 = createHash("sha256").update(content).digest("hex");
  const url = "https://files.pythonhosted.org/t.whl";
  const wheel: Wheel = {
    project: "tensorflow-cpu",
    version: "2.21.0",
    file: "t.whl",
    platformTag: "any",
    libraries: [],
  };
  const pip: Answer = async (args) => {
    if (args.includes("--version")) return { stdout: "pip 24" };
    await writeFile(join(after(args, "--dest"), "t.whl"), content);
    return {};
  };
  /** PyPI, whose files come with the sums that are asked for. */
  const pypi = (text = JSON.stringify({ urls: [{ filename: "t.whl", url, digests: { sha256 } }] })) => {
    const asked: DownloadOptions[] = [];
    const changes: Partial<Host> = {
      downloadText: async (options) => {
        expect(options.url).toBe("https://pypi.org/pypi/tensorflow-cpu/2.21.0/json");
        return text;
      },
      download: async (options) => {
        asked.push(options);
        if (options.sha256 !== sha256) throw new SitError("bad-file", `${options.url}: expected another sum`);
        await writeFile(options.to, content);
        options.onProgress?.({ receivedBytes: content.length, totalBytes: content.length });
      },
    };
    return { asked, changes };
  };

  it("asks pip first, and checks the pinned hash", async () => {
    const folder = await temporary();
    const host = fakeHost({ python3: pip });
    expect(await fetchWheel({ ...wheel, sha256 }, folder, host)).toEqual({
      file: join(folder, "t.whl"),
      pinned: true,
    });
    expect(host.commands.at(-1)).toBe(
      "python3 -m pip download --no-deps --only-binary=:all: --no-input --progress-bar=off " +
        `--python-version 3.11 --dest ${folder} --platform any tensorflow-cpu==2.21.0`,
    );
    const wrong = fetchWheel({ ...wheel, sha256: "0".repeat(64) }, folder, host);
    await expect(wrong).rejects.toThrow(new RegExp(`expected sha256 0{64}, got ${sha256}`));
  });

  it("takes HTTPS without python, with the index's hash and progress", async () => {
    const fractions: number[] = [];
    const { asked, changes } = pypi();
    const host = fakeHost({}, changes);
    const folder = join(await temporary(), "new");
    const fetched = await fetchWheel(wheel, folder, host, {
      onFraction: (fraction) => fractions.push(fraction),
    });
    expect(fetched).toEqual({ file: join(folder, "t.whl"), pinned: false });
    expect(fractions.at(-1)).toBe(1);
    expect(asked).toMatchObject([{ url, sha256 }]);
  });

  it("takes the pinned hash before the index's", async () => {
    const { asked, changes } = pypi(
      JSON.stringify({ urls: [{ filename: "t.whl", url, digests: { sha256: "0".repeat(64) } }] }),
    );
    const pinned = await fetchWheel({ ...wheel, sha256 }, await temporary(), fakeHost({}, changes));
    expect(pinned.pinned).toBe(true);
    expect(asked).toMatchObject([{ url, sha256 }]);
    const wrong = fetchWheel(
      { ...wheel, sha256: "1".repeat(64) },
      await temporary(),
      fakeHost({}, pypi().changes),
    );
    await expect(wrong).rejects.toMatchObject({
      code: "engine-install",
      message: expect.stringContaining("t.whl"),
      mend: expect.stringContaining("mirror"),
    });
  });

  it.each(["<html>", "null", "{}", '{"urls":[]}', '{"urls":[{"filename":"t.whl"}]}'])(
    "says that the index answers %s",
    async (text) => {
      const fetching = fetchWheel(wheel, await temporary(), fakeHost({}, pypi(text).changes));
      await expect(fetching).rejects.toMatchObject({
        code: "network",
        message: expect.stringMatching(/pypi\.org\S+json: expected/),
      });
    },
  );

  it("takes HTTPS where pip cannot", async () => {
    const broken: Answer = (args) =>
      args.includes("--version") ? {} : { code: 1, stderr: "ERROR: none found" };
    const fetched = await fetchWheel(wheel, await temporary(), fakeHost({ python3: broken }, pypi().changes));
    expect(fetched.pinned).toBe(false);
  });

  it("says both reasons when neither gives it", async () => {
    const broken: Answer = (args) =>
      args.includes("--version") ? {} : { code: 1, stderr: "ERROR: none found" };
    await expect(fetchWheel(wheel, await temporary(), fakeHost({ python3: broken }))).rejects.toMatchObject({
      code: "network",
      message: expect.stringMatching(/pip: ERROR: none found.*ENOTFOUND pypi\.org/),
    });
    await expect(fetchWheel(wheel, await temporary(), fakeHost())).rejects.toThrow(
      /python with pip was not found/,
    );
  });
});

describe("the parts of a build", () => {
  it("honours $CXX alone, with its flags", async () => {
    const host = fakeHost({ ccache: compiler, "g++": compiler }, { env: { CXX: "ccache clang++" } });
    expect(await findCompiler(host)).toEqual({ command: "ccache clang++", version: "g++ 12" });
    expect(host.commands[0]).toMatch(/^ccache clang\+\+ -std=c\+\+17/);
    expect(await findCompiler(fakeHost({ "g++": compiler }, { env: { CXX: "missing" } }))).toBeUndefined();
  });

  it("passes on the compiler's last words", async () => {
    const stderr = [...Array(40).keys()].map((line) => `line ${line}`).join("\n");
    const host = fakeHost({ "g++": () => ({ code: 1, stderr }) });
    const options = {
      compiler: { command: "g++", version: "12" },
      packageDirectory: "/p",
      includeDirectory: "/i",
      libraryDirectory: "/l",
      libraries: ["libtensorflow_cc.so.2"],
    };
    const error = await compileBinding(options, host).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "engine-install",
      message: expect.stringMatching(/line 28\n.*line 39$/s),
    });
    expect(error).not.toMatchObject({ message: expect.stringContaining("line 27") });
  });

  it("refuses an engine that does not compute right", async () => {
    const folder = await temporary();
    const host = fakeHost({
      [process.execPath]: () => ({ stdout: '{"backend":"tensorflow","values":[1]}' }),
    });
    await expect(checkNative(folder, host)).rejects.toThrow(/wrong numbers/);
    const crashing = fakeHost({ [process.execPath]: () => ({ code: null, stderr: "Illegal instruction" }) });
    await expect(checkNative(folder, crashing)).rejects.toThrow(/does not compute here.*Illegal instruction/);
  });

  it("tells a failing install script from a network out of reach", async () => {
    const folder = await temporary();
    await mkdir(folder, { recursive: true });
    const { package: wanted } = recipeFor("official", "cpu", "linux", "x64");
    const failing = fakeHost({ npm: () => ({ code: 1, stderr: "gyp ERR! no Python" }) });
    await expect(installOfficial(wanted, folder, failing)).rejects.toMatchObject({ code: "engine-install" });
    expect(failing.commands[0]).toContain("--prefix=.");
    expect(failing.commands[0]).not.toContain(folder);
    const silent = fakeHost({ npm: () => ({}) });
    await expect(installOfficial(wanted, folder, silent)).rejects.toThrow(/left no .*tfjs_binding\.node/);
  });

  it("reads CUDA's wheels off TensorFlow's own metadata", () => {
    const metadata = [
      "Requires-Dist: numpy>=1.26.0",
      'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
      "Requires-Dist: nvidia-cudnn-cu12 (<10.0,>=9.3.0.75) ; extra == 'and-cuda'",
    ].join("\n");
    expect(cudaRequirements(metadata)).toEqual([
      "nvidia-cublas-cu12<13.0,>=12.5.3.2",
      "nvidia-cudnn-cu12<10.0,>=9.3.0.75",
    ]);
  });

  it("finds a graphics card only where its driver answers", async () => {
    const card = fakeHost({ "nvidia-smi": () => ({ stdout: "NVIDIA H100, 550.54\n" }) });
    expect(await findGpu(card)).toEqual({ name: "NVIDIA H100", driver: "550.54" });
    const asleep = fakeHost({ "nvidia-smi": () => ({ code: 9, stdout: "NVIDIA-SMI has failed" }) });
    expect(await findGpu(asleep)).toBeUndefined();
  });
});
