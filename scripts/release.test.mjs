// The order of a release, and that it goes on where it was broken off; npm is played here.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { publishedPackages } from "./lib/entries.mjs";
import { withPlatformPackages } from "./lib/platform-packages.mjs";
import { publishAll, publishOrder } from "./lib/release.mjs";

describe("the order of a release", () => {
  it("puts every package of this repository after what it depends on", () => {
    const packages = publishedPackages();
    const ordered = publishOrder(packages);
    expect(ordered.map(({ name }) => name).sort()).toEqual(packages.map(({ name }) => name).sort());
    const place = new Map(ordered.map(({ name }, index) => [name, index]));
    for (const { name, dependencies = {} } of packages) {
      for (const dependency of Object.keys(dependencies).filter((each) => place.has(each))) {
        expect(place.get(dependency), `${dependency} before ${name}`).toBeLessThan(place.get(name) ?? -1);
      }
    }
    expect(ordered[0]?.name).toBe("@sitjs/core");
  });

  it("refuses packages that depend on each other", () => {
    const circle = [
      { name: "a", dependencies: { b: "1" } },
      { name: "b", peerDependencies: { a: "1" } },
    ];
    expect(() => publishOrder(circle)).toThrow("packages depend on each other: a -> b -> a");
  });
});

/** A registry that refuses what `refuses` names, and the commands it got. */
function registry(refuses = "") {
  const published = new Set();
  const commands = [];
  const npm = async (args) => {
    const [command = "", what = "", ...options] = args;
    commands.push([command, what, ...options].join(" "));
    if (command === "view") {
      const there = published.has(what);
      return there
        ? { code: 0, output: `${what.split("@").at(-1)}\n` }
        : { code: 1, output: "npm error code E404" };
    }
    if (what === refuses) return { code: 1, output: "npm error code E500" };
    published.add(what.replace(/^(.*)-(.*)\.tgz$/, "$1@$2"));
    return { code: 0, output: "" };
  };
  return { npm, commands, published };
}

const tarballs = ["a", "b", "c"].map((name) => ({
  name,
  version: "1.0.0",
  file: `${name}-1.0.0.tgz`,
  bytes: 1,
  unpackedBytes: 1,
  files: [],
}));

describe("publishing", () => {
  it("goes on where it was broken off, and publishes nothing twice", async () => {
    const first = registry("b-1.0.0.tgz");
    const said = [];
    const say = (line) => said.push(line);
    const broken = publishAll(tarballs, first.npm, say, []);
    await expect(broken).rejects.toThrow(
      /npm publish of b 1\.0\.0 ended with exit code 1\nnpm error code E500/,
    );
    expect([...first.published]).toEqual(["a@1.0.0"]);

    const second = registry();
    second.published.add("a@1.0.0");
    await publishAll(tarballs, second.npm, say, ["--provenance"]);
    expect(second.commands.filter((line) => line.startsWith("publish"))).toEqual([
      "publish b-1.0.0.tgz --access public --provenance",
      "publish c-1.0.0.tgz --access public --provenance",
    ]);
    expect(said).toEqual([
      "a 1.0.0 published",
      "a 1.0.0 is there already",
      "b 1.0.0 published",
      "c 1.0.0 published",
    ]);
  });

  it("does not take a registry out of reach for one without the version", async () => {
    const npm = async () => ({ code: 1, output: "npm error code ENOTFOUND" });
    await expect(publishAll(tarballs, npm, () => {}, [])).rejects.toThrow(/expected an answer.*ENOTFOUND/s);
  });
});

describe("package.json of @sitjs/engine", () => {
  it("names the platform packages of its own version, and their manifests", () => {
    const folder = mkdtempSync(join(tmpdir(), "sitjs-release-test-"));
    writeFileSync(join(folder, "addons.json"), "abc");
    const manifest = { name: "@sitjs/engine", version: "2.0.0" };
    expect(withPlatformPackages(manifest, [{ name: "@sitjs/engine-linux-x64", folder }])).toEqual({
      ...manifest,
      optionalDependencies: { "@sitjs/engine-linux-x64": "2.0.0" },
      // FIPS 180-2, appendix B.1: the SHA-256 of "abc".
      platformPackages: {
        "@sitjs/engine-linux-x64": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      },
    });
    rmSync(folder, { recursive: true });
  });

  it("names none in the repository, which installs before they are published", () => {
    const engine = publishedPackages().find(({ name }) => name === "@sitjs/engine");
    expect(engine?.optionalDependencies).toBeUndefined();
  });
});
