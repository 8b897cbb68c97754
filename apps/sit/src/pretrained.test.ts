import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromPretrained } from "@sitjs/hub/node";
import { describe, expect, it, vi } from "vitest";
import { serve, testServer } from "../../../fixtures/https-server.js";
import { makePictures, runsFolder, tiny } from "./testing.js";

const fixture = (...path: string[]) =>
  fileURLToPath(new URL(join("../../../fixtures", ...path), import.meta.url));
const timm = fixture("timm-folder");
const images = "--data photos --engine wasm --workers 0 --json";
const { run, at, json } = runsFolder("pretrained", (to) => makePictures(to("photos"), 8));
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const result = (out: string) => JSON.parse(out.trimEnd().split("\n").at(-1) as string);

async function succeeds(text: string) {
  const ended = await run(text);
  expect(ended.code, ended.err).toBe(0);
  return ended;
}

describe("a network that a run has exported", () => {
  it("embeds as the run does, to the last bit", async () => {
    await succeeds(`pretrain --data photos ${tiny} --epochs 1 --quiet`);
    await succeeds("export runs/pretrain --to exported");
    for (const [checkpoint, out] of [
      ["runs/pretrain", "run.npy"],
      ["exported", "folder.npy"],
    ]) {
      await succeeds(`embed --checkpoint ${checkpoint} ${images} --out ${out}`);
    }
    const [of, again] = ["run.npy", "folder.npy"].map((name) => readFileSync(at(name)));
    expect(of?.length).toBeGreaterThan(16 * 16 * 4);
    expect(again?.equals(of as Buffer)).toBe(true);
  }, 180_000);
});

describe("a pretrained folder of timm", () => {
  const network = { kind: "folder", sha256: sha256(join(timm, "model.safetensors")) };

  it("is judged and fine-tuned as a run is, and records say where it is from", async () => {
    const judged = await succeeds(`knn --checkpoint ${timm} ${images} --neighbours 3 --out knn`);
    expect(result(judged.out)).toMatchObject({ network });
    expect(json("knn", "summary.json").network.name).toMatch(/^….*timm-folder/);
    expect(json("knn", "report.json").settings.network).toMatchObject(network);

    const tuning = `${images} --steps 2 --batch-size 4 --classifier linear --out tuned`;
    const tuned = await succeeds(`finetune --checkpoint ${timm} ${tuning}`);
    expect(result(tuned.out)).toMatchObject({ start: "pretrained", network });
    const { settings } = json("tuned", "summary.json");
    expect(settings).toMatchObject({ imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 4 });
    // What it has become is exported by its settings alone, with the folder's mean and deviation.
    await succeeds("export tuned --to clothes");
    const model = await fromPretrained(at("clothes"));
    expect(model.config).toMatchObject({
      backbone: { width: 32 },
      head: { classes: 2 },
      labels: ["blue", "red"],
    });
    expect(model.preprocessing).toMatchObject({ size: 32, mean: [0.5, 0.5, 0.5] });
    expect(result((await succeeds(`onnx ${timm} --out onnx --json`)).out)).toMatchObject({
      classes: ["cat", "dog", "bird"],
    });
  }, 180_000);

  it("has one network, of one shape", async () => {
    const weights = await run(`knn --checkpoint ${timm} ${images} --weights teacher`);
    expect([weights.code, weights.err]).toEqual([
      2,
      expect.stringMatching(/--weights: expected a run of sit with it, got a folder/),
    ]);
    const width = await run(`finetune --checkpoint ${timm} ${images} --width 64`);
    expect(width.err).toMatch(/--width: expected 32, as the checkpoint has it, got 64/);
    const other = await run(`reconstruct --checkpoint ${timm} --data photos`);
    expect(other.code).not.toBe(0);
    const none = await run(`knn --checkpoint owner/name ${images}`);
    expect(none.err).toMatch(
      /--checkpoint owner\/name: expected a run, a pretrained folder, .* or hf:OWNER\/NAME@REVISION, got nothing there/,
    );
  }, 120_000);
});

describe("sit import", () => {
  it("makes a folder of a training checkpoint, and tells what it left", async () => {
    const dino = fixture("torch", "dino.pth");
    const heads = await run(`import ${dino} --out dino`);
    expect([heads.code, heads.err]).toEqual([
      expect.any(Number),
      expect.stringMatching(/expected the number of heads of a network of width 16, which no tensor tells/),
    ]);
    const { out } = await succeeds(`import ${dino} --heads 2 --out dino`);
    expect(out).toContain("weights by the names of dino, below teacher.backbone.: 18 tensors used");
    expect(out).toMatch(/not used: .*student.module.backbone.\* \(18\)/);
    expect(out).toContain("width 16, depth 1, heads 2");
    await succeeds(`linear --checkpoint dino ${images} --epochs 2 --out linear`);
    expect(json("linear", "summary.json").network).toMatchObject({ kind: "folder", name: "dino" });

    const unknown = fixture("torch", "training-unknown.pth");
    const refused = await run(`import ${unknown} --out never`);
    expect(refused.err).toMatch(/refused, since loading it would run __main__.Meter\(\)[\s\S]*only/);
    const only = await run(`import ${unknown} --only teacher --out never`);
    expect(only.err).toMatch(/expected the patch embedding of one vision transformer/);
    const photos = await run(`import ${dino} --heads 2 --out photos`);
    expect(photos.err).toMatch(/--out: expected a new folder or a pretrained one/);
    const size = await run(`import ${timm} --image-size 16 --out never`);
    expect(size.err).toMatch(/--image-size: expected a file of weights with it, got a folder/);
    expect(existsSync(at("never"))).toBe(false);
  }, 180_000);
});

describe("a repository of Hugging Face", () => {
  const hub = testServer();

  it("is downloaded by hf:OWNER/NAME@REVISION, from one commit", async () => {
    const commit = "0123456789abcdef0123456789abcdef01234567";
    const folder = fixture("huggingface-vit");
    hub.answer((request, response) => {
      const [, revision, file = ""] =
        /^[/]owner[/]tiny[/]resolve[/]([^/]+)[/]([\w.]+)$/.exec(request.url ?? "") ?? [];
      if ((revision !== "v1" && revision !== commit) || !existsSync(join(folder, file))) {
        response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
        return;
      }
      const bytes = readFileSync(join(folder, file));
      const mark = createHash("sha256").update(bytes).digest("hex");
      response.setHeader("x-repo-commit", commit);
      serve(bytes, { etag: `"${mark}"` })(request, response);
    });
    writeFileSync(at("ca.pem"), hub.ca);
    const environment = {
      HF_ENDPOINT: hub.origin,
      NODE_EXTRA_CA_CERTS: at("ca.pem"),
      SITJS_CACHE: at("cache"),
    };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    try {
      const { out } = await succeeds(`knn --checkpoint hf:owner/tiny@v1 ${images} --neighbours 3`);
      expect(result(out).network).toEqual({
        kind: "repository",
        name: "hf:owner/tiny@v1",
        commit,
        sha256: sha256(join(folder, "model.safetensors")),
      });
      expect(out).toContain("made with images bilinear, both sides resized; here bicubic");
    } finally {
      vi.unstubAllEnvs();
    }
  }, 120_000);
});
