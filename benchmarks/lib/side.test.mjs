import { describe, expect, it } from "vitest";
import { SideError, startSide } from "./side.mjs";

const side = (script) => startSide({ name: "test side", command: process.execPath, args: ["-e", script] });
const answering = (expression) => `
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const message = JSON.parse(line);
    if (message.do === "quit") process.exit(0);
    console.log(JSON.stringify(${expression}));
  });`;

describe("a side's process", () => {
  it("answers messages in turn", async () => {
    const echo = side(answering("{ twice: 2 * message.value }"));
    const replies = await Promise.all([1, 2, 3].map((value) => echo.ask({ do: "double", value })));
    expect(replies).toEqual([{ twice: 2 }, { twice: 4 }, { twice: 6 }]);
    await echo.stop();
    await expect(echo.ask({ do: "double" })).rejects.toThrow("test side: ended with exit code 0");
  });

  it("passes its own errors on", async () => {
    const failing = side(answering('{ error: "no memory left" }'));
    await expect(failing.ask({ do: "run" })).rejects.toThrow(new SideError("test side: no memory left"));
    await failing.stop();
  });

  it("that ends early is an error with what it said last, also for questions asked later", async () => {
    const broken = side("console.error('cannot load'); process.exit(3)");
    await expect(broken.ask({ do: "run" })).rejects.toThrow(/ended with exit code 3\ncannot load/);
    await expect(broken.ask({ do: "run" })).rejects.toThrow(SideError);
    await broken.stop();
  });

  it("that cannot be started or talks something else is an error", async () => {
    const missing = startSide({ name: "no side", command: "/does/not/exist", args: [] });
    await expect(missing.ask({ do: "run" })).rejects.toThrow("no side: could not be started");
    await missing.stop();
    const noisy = side(answering("0").replace("JSON.stringify(0)", "'hello'"));
    await expect(noisy.ask({ do: "run" })).rejects.toThrow('expected a reply as JSON, got "hello"');
    await noisy.stop();
  });
});
