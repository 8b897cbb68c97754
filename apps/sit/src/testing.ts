import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "@sitjs/core/random";
import sharp from "sharp";

const app = fileURLToPath(new URL("..", import.meta.url));
const cli = join(app, "dist", "cli.js");

/** Builds the command line, and the packages it needs, where the build is missing or older than the sources. */
export function ensureBuilt(): void {
  const built = existsSync(cli) ? statSync(cli).mtimeMs : 0;
  if (newestSource(join(app, "src")) <= built) return;
  const root = join(app, "..", "..");
  const turbo = join(root, "node_modules", "turbo", "bin", "turbo");
  execFileSync(
    process.execPath,
    [turbo, "run", "build", "--filter=@sitjs/app", "--output-logs=errors-only"],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
}

function newestSource(folder: string): number {
  const times = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/test(ing)?\.ts$/.test(entry.name))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return Math.max(...times);
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `sit` with these arguments in `folder`; `onOutput` may stop it. */
export async function sit(
  folder: string,
  args: readonly string[],
  onOutput?: (stop: () => void, output: string) => void,
): Promise<Finished> {
  const child = spawn(process.execPath, [cli, ...args], { cwd: folder });
  let [out, err] = ["", ""];
  const stop = () => void child.kill("SIGINT");
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk;
    onOutput?.(stop, out);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** Folders of small pictures, one for each class, of that class's colour. */
export async function makePictures(folder: string, perClass: number): Promise<void> {
  const colours = { red: [200, 40, 40], blue: [40, 40, 200] };
  for (const [name, colour] of Object.entries(colours)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < perClass; i++) {
      const rng = randomStream(0, name, i);
      const data = Uint8Array.from(
        { length: 20 * 20 * 3 },
        (_, k) => (colour[k % 3] as number) + rng.integer(0, 40),
      );
      await sharp(data, { raw: { width: 20, height: 20, channels: 3 } })
        .png()
        .toFile(join(folder, name, `${i}.png`));
    }
  }
}
