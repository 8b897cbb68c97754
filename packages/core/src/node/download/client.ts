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
  get(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer>;
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
  return {
    async get(url, headers, signal) {
      for (let address = url, hop = 0; hop <= maximumRedirects; hop++) {
        const {
          statusCode,
          headers: received,
          body,
        } = await request(address, { dispatcher, headers, signal });
        const drop = () => {
          // A body that is given up says so by an error of its own.
          body.on("error", () => undefined);
          body.destroy();
        };
        const { location } = received;
        if (![301, 302, 303, 307, 308].includes(statusCode) || typeof location !== "string") {
          return { status: statusCode, headers: received, body, drop };
        }
        drop();
        address = nextAddress(url, address, location);
      }
      throw new SitError("network", `${url}: more than ${maximumRedirects} redirects`);
    },
    close: () => dispatcher.destroy(),
  };
}

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
