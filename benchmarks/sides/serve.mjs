import { createInterface } from "node:readline";

/**
 * Answers the bench: a JSON line in, `{ do, ... }`, a JSON line out, `{ error }` where the handler failed. Ends at "quit"
 * and where the input does.
 *
 * @param {Record<string, (message: any) => Promise<object>>} handlers by what a message asks to do
 */
export async function serve(handlers) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...message } = JSON.parse(line);
    if (name === "quit") return;
    let reply;
    try {
      reply = await handlers[name](message);
    } catch (error) {
      reply = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}
