import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@sitjs/source"] },
  ssr: { resolve: { conditions: ["@sitjs/source"] } },
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "examples/**/*.test.ts",
      "apps/*/src/**/*.test.ts",
      "scripts/**/*.test.mjs",
      "benchmarks/**/*.test.mjs",
      "reliability/**/*.test.mjs",
    ],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
