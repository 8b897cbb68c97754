import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runsFolder } from "./testing.js";

const parquet = fileURLToPath(new URL("../../../fixtures/parquet/", import.meta.url));
const runs = runsFolder("embeddings", async () => undefined);
const network =
  "--from-scratch --preset demo-portable --config small.config.mjs --engine wasm --workers 0 --quiet";

describe("sit embed and sit project", () => {
  it("go from Parquet files of Hugging Face to embeddings, and from these to a picture", async () => {
    const settings = { imageSize: 8, patchSize: 4, width: 16, depth: 1, heads: 2, channels: 3 };
    writeFileSync(runs.at("small.config.mjs"), `export default { settings: ${JSON.stringify(settings)} };\n`);
    const made = await runs.run(`embed ${network} --data ${parquet}data --out e.parquet --json`);
    expect(made.err).toBe("");
    expect(JSON.parse(made.out)).toMatchObject({ command: "embed", images: 15, size: 16, features: "token" });
    const drawn = await runs.run("project --embeddings e.parquet --method umap --neighbours 4 --out p.svg");
    expect(drawn.code, drawn.err).toBe(0);
    expect(readFileSync(runs.at("p.svg"), "utf8")).toMatch(/<title>UMAP of e\.parquet<\/title>[\s\S]*>owl</);
    const { points, classes } = runs.json("p.json");
    expect(classes).toEqual(["cat", "dog", "owl"]);
    expect(points).toHaveLength(15);
    expect(points[14]).toMatchObject({ file: "test-00000-of-00001.parquet#2/14.png", label: 2 });
  });

  it("name what is wrong", async () => {
    const both = await runs.run("project --embeddings e.parquet --from-scratch");
    expect([both.code, both.err]).toEqual([
      2,
      expect.stringContaining("--from-scratch: expected none beside"),
    ]);
    const neither = await runs.run("embed --out x.parquet");
    expect(neither.err).toContain("--checkpoint, --from-scratch: expected one of them, got neither");
    expect(existsSync(runs.at("x.parquet"))).toBe(false);
  });
});
