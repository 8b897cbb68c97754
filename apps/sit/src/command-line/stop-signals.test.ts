import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Stopped } from "./exit.js";
import { listenForStops, type Stops } from "./stop-signals.js";

class Exit extends Error {}

let stops: Stops;
let left: Stopped[];
const exit = vi.spyOn(process, "exit");

beforeEach(() => {
  vi.useFakeTimers();
  exit.mockImplementation((code) => {
    throw new Exit(String(code));
  });
  left = [];
  stops = listenForStops((reason) => left.push(reason));
});
afterEach(() => {
  stops.close();
  vi.useRealTimers();
  exit.mockReset();
});

/** As the system would send it. */
const send = (signal: NodeJS.Signals) => process.emit(signal, signal);

describe("listenForStops", () => {
  it("stops by the first signal, and ends at once by the second", () => {
    send("SIGINT");
    expect(stops.signal.aborted).toBe(true);
    expect(stops.signal.reason).toBeInstanceOf(Stopped);
    expect(stops.signal.reason.signal).toBe("SIGINT");
    vi.advanceTimersByTime(600);
    expect(() => send("SIGINT")).toThrow("130");
    expect(() => send("SIGTERM")).toThrow("143");
    expect(left).toEqual([]);
  });

  it("takes two signals at nearly the same time for one: npm passes the terminal's on", () => {
    send("SIGINT");
    vi.advanceTimersByTime(100);
    send("SIGINT");
    expect(exit).not.toHaveBeenCalled();
  });

  it("waits for what is slow for five seconds", async () => {
    send("SIGTERM");
    vi.advanceTimersByTime(4900);
    expect(left).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(left).toEqual([stops.signal.reason]);
  });

  it("waits for what saves as long as it takes, and counts from its end", async () => {
    let finish = () => {};
    const saving = stops.saving(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    send("SIGINT");
    vi.advanceTimersByTime(3_600_000);
    expect(left).toEqual([]);
    finish();
    await saving;
    vi.advanceTimersByTime(4900);
    expect(left).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(left).toHaveLength(1);
  });

  it("stops where the reader of the output has gone", () => {
    process.stdout.emit("error", Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    expect(stops.signal.reason.signal).toBe("SIGPIPE");
  });

  it("listens no longer than it is asked to", () => {
    const before = process.listenerCount("SIGINT");
    stops.close();
    expect(process.listenerCount("SIGINT")).toBe(before - 1);
  });
});
