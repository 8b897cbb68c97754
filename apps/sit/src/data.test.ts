import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "@sitjs/data";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { at, run } = runsFolder("data", async (path) => {
  await makePictures(path("photos"), 6);
  await makePictures(path("parts", "train"), 3);
  await makePictures(path("parts", "test"), 2);
});
const result = (out: string) => JSON.parse(out.trim().split("\n").at(-1) as string);
const network = tiny.split(" ").slice(0, 4).join(" ");

describe("sit data list", () => {
  it("names every data set with its size, licence and whether it is here", async () => {
    const { code, out, err } = await run("data list");
    expect([code, err]).toEqual([0, ""]);
    const rows = out.split("\n");
    expect(rows[0]).toMatch(/^name +title +images +classes +size +here +licence$/);
    catalogue.forEach(({ name, title, licence }, i) => {
      expect(rows[i + 1]).toMatch(new RegExp(`^${name} .* (yes|no|in part|by hand) `));
      expect(rows[i + 1]).toContain(title);
      expect(rows[i + 1]?.endsWith(licence)).toBe(true);
    });
    const { datasets } = result((await run("data list --json")).out);
    expect(datasets.map(({ name }: { name: string }) => name)).toEqual(catalogue.map(({ name }) => name));
    expect(datasets).toContainEqual(
      expect.objectContaining({ name: "cifar-10", images: 60_000, bytes: 170_052_171, imageSize: 32 }),
    );
  });
});

describe("sit data show", () => {
  it("counts a folder's classes, and pictures images with their views and corruption", async () => {
    const args = `data show photos ${network} --count 3 --engine wasm --workers 0 --preset demo-color`;
    const { code, out, err } = await run(`${args} --patch-size 8 --json`);
    expect([code, err]).toEqual([0, ""]);
    expect(result(out)).toMatchObject({
      ...{
        command: "data show",
        source: "photos",
        part: "train",
        length: 12,
        pictured: 3,
        out: "contact.png",
      },
      counts: [
        { name: "blue", images: 6 },
        { name: "red", images: 6 },
      ],
      rows: ["as it is", "view1", "view2", "view1 corrupted"],
    });
    const side = 96;
    const { data, info } = await sharp(at("contact.png"))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([2 + 3 * (side + 2), 2 + 4 * (side + 2)]);
    // The top row has the pictures themselves: each of one colour, reddish or bluish.
    for (let column = 0; column < 3; column++) {
      const middle = 3 * ((2 + side / 2) * info.width + 2 + column * (side + 2) + side / 2);
      const [red, green, blue] = data.subarray(middle, middle + 3) as unknown as [number, number, number];
      expect(Math.abs(red - blue)).toBeGreaterThan(100);
      expect(green).toBeLessThan(90);
    }
  });

  it("has as many rows as the method has views, takes the test images, and says it in words", async () => {
    const args = `data show parts --part test ${network} --preset demo-color --method dino --local-size 8`;
    const { code, out } = await run(`${args} --patch-size 8 --engine wasm --workers 0 --out sheet.png`);
    expect(code).toBe(0);
    expect(out).toMatch(/^parts, test: 4 images\n2 classes, 2 images each\n {2}blue {2}2\n {2}red {3}2\n/);
    expect(out).toMatch(/^Wrote sheet\.png: 4 images; from the top: as it is, global1, .*\(method dino\)$/m);
    expect(out).not.toContain("corrupted");
  });

  it("tells what is known of a data set that is not here, and how to get it", async () => {
    const { code, out } = await run("data show imagenet-1k");
    expect(code).toBe(0);
    expect(out).toContain("https://image-net.org");
    expect(out).toMatch(/^Not here, and to be got by hand: .*account/m);
  });
});

describe("bad input", () => {
  it.each([
    ["data get nothing", /data get: expected a name of sit data list, got nothing/],
    ["data get imagenet-1k --to images", /cannot be downloaded by a program .*\n.*account.*images/],
    ["data show nowhere", /nowhere: expected a folder of images, a Parquet file, or a name of sit data list/],
    ["data show photos --part test", /--part test: expected a folder with train and test in it, got photos/],
    ["data show photos --part val", /--part: expected train or test, got "val"/],
    ["data show photos --out photos", /--out: expected the name of a \.png file, got the folder photos/],
  ])("%s", async (args, says) => {
    const { code, out, err } = await run(args);
    expect([code === 0, out]).toEqual([false, ""]);
    expect(err).toMatch(says);
    expect(readdirSync(at(".")).sort()).toEqual(["contact.png", "parts", "photos", "sheet.png"]);
  });
});

it("names no data set that the guide does not", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/guide/data.md"), "utf8");
  for (const { name } of catalogue) expect(guide).toContain(`\`${name}\``);
});
