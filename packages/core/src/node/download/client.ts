import type { IncomingHttpHeaders } from "node:http";
import { SitError } from "../../errors.js";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The bytes as they were sent: nothing is decoded. Must be read or dropped. */
  readonly body: AsyncIterable<Uint8Array>;
  drop(): void;
}

export interface Client {
  /** An `authorization` among the headers goes to the address's own server alone, wherever redirects lead. */
  get(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer>;
  /** What the server says of a file: follows redirects within the server, and returns the answer that leads elsewhere. */
  head(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** No connection, no answer, or no further data for so many milliseconds is an error. */
  readonly patience: number;
  /** Certificates (PEM) to trust instead of the usual ones. */
  readonly ca?: string | undefined;
}

const maximumRedirects = 10;

/**
 * An HTTPS client that checks certificates whatever the environment says, honours `HTTPS_PROXY` and `NO_PROXY`, which
 * Node's own `fetch` does not, and follows redirects to HTTPS alone.
 */
export async function openClient({ patience, ca }: ClientOptions): Promise<Client> {
  const { EnvHttpProxyAgent, request } = await import("undici");
  const tls = { timeout: patience, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
  const dispatcher = new EnvHttpProxyAgent({
    // To the server, directly and through a proxy's tunnel.
    connect: tls,
    requestTls: tls,
    headersTimeout: patience,
    bodyTimeout: patience,
  });
  const ask =
    (method: "GET" | "HEAD"): Client["get"] =>
    async (url, { authorization, ...open }, signal) => {
      const home = new URL(url).origin;
      for (let address = url, hop = 0; hop <= maximumRedirects; hop++) {
        const own = authorization !== undefined && new URL(address).origin === home;
        const answer = request(address, {
          dispatcher,
          method,
          headers: own ? { ...open, authorization } : open,
          signal,
        });
        const { statusCode, headers: received, body } = await unlessAborted(answer, signal);
        const drop = () => dropBody(body);
        const { location } = received;
        if (![301, 302, 303, 307, 308].includes(statusCode) || typeof location !== "string") {
          return { status: statusCode, headers: received, body, drop };
        }
        const next = nextAddress(url, address, location);
        if (method === "HEAD" && new URL(next).origin !== home) {
          return { status: statusCode, headers: received, body, drop };
        }
        drop();
        address = next;
      }
      throw new SitError("network", `${url}: more than ${maximumRedirects} redirects`);
    };
  return {
    get: ask("GET"),
    head: ask("HEAD"),
    close: () => dispatcher.destroy(),
  };
}

interface Body {
  on(event: "error", listener: () => void): unknown;
  destroy(): unknown;
}

/** A body that is given up says so by an error of its own. */
function dropBody(body: Body): void {
  body.on("error", () => undefined);
  body.destroy();
}

/** An answer, or at once the reason of the signal, which undici looks at only when it is connected. */
async function unlessAborted<T extends { readonly body: Body }>(
  answer: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      answer.then(
        ({ body }) => dropBody(body),
        () => undefined,
      );
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([answer, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The header that says who asks, where there is a token. */
export function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** Whether a token can be sent in a header. */
export const isToken = (token: string): boolean => /^[\x21-\x7e]{1,4096}$/.test(token);

/** Whether this is an address that may be asked: HTTPS, and no password in it. */
export function isSecure(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, username, password } = new URL(address);
  return protocol === "https:" && username === "" && password === "";
}

function nextAddress(url: string, from: string, location: string): string {
  const next = URL.canParse(location, from) ? new URL(location, from).href : location;
  if (isSecure(next)) return next;
  throw new SitError("network", `${url}: redirected to ${next}, expected an https:// address`);
}

/** An error's message; of one that only gathers others, the first of theirs. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return reason(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
