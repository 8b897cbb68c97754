// A transform that changes nothing and once breaks the thread that it runs in.
import { writeFileSync } from "node:fs";

/**
 * @param {{ kind: "end" | "memory" | "throw", once: string }} options
 * @returns {import("@sitjs/augment").Transform}
 */
export default function breaking({ kind, once }) {
  let images = 0;
  return {
    name: "breaking",
    apply(image) {
      // Not the first batch: one is to be trained on before.
      if (++images === 20 && isFirst(once)) breakThread(kind);
      return image;
    },
  };
}

/** Whether no other thread has come here before. */
function isFirst(file) {
  try {
    writeFileSync(file, "", { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}

function breakThread(kind) {
  if (kind === "end") process.exit(3);
  if (kind === "throw") throw new Error("the transform has failed");
  const kept = [];
  for (;;) kept.push(Array.from({ length: 1000 }, () => ({ kept })));
}
