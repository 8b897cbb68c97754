import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { afterAll, beforeAll } from "vitest";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer {
  /** `https://127.0.0.1:…` */
  readonly origin: string;
  /** The certificate, which nobody else trusts. */
  readonly ca: string;
  /** What answers from now on; forgets the requests that were made. */
  answer(handler: Handler): void;
  /** The requests since then: their `Range`, or "". */
  readonly ranges: readonly string[];
}

/** An HTTPS server on the loopback for the tests of a file. */
export function testServer(): TestServer {
  let server: Server;
  let handler: Handler = (_, response) => response.writeHead(500).end();
  let ca = "";
  let ranges: string[] = [];
  beforeAll(async () => {
    const names = [{ type: 7, ip: "127.0.0.1" } as const];
    const pems = await generate([{ name: "commonName", value: "127.0.0.1" }], {
      extensions: [
        { name: "basicConstraints", cA: true },
        { name: "subjectAltName", altNames: names },
      ],
    });
    ca = pems.cert;
    server = createServer({ key: pems.private, cert: pems.cert }, (request, response) => {
      ranges.push(request.headers.range ?? "");
      handler(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return {
    get origin() {
      return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    get ca() {
      return ca;
    },
    get ranges() {
      return ranges;
    },
    answer(next) {
      handler = next;
      ranges = [];
    },
  };
}

/** Serves a file as a good server does: ranges, `If-Range`, a strong mark of its content. */
export function serve(content: Buffer, changes: { readonly etag?: string | undefined } = {}): Handler {
  const etag = "etag" in changes ? changes.etag : `"${createHash("md5").update(content).digest("hex")}"`;
  return (request, response) => {
    if (etag !== undefined) response.setHeader("etag", etag);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? -1);
    const condition = request.headers["if-range"];
    if (from < 0 || (condition !== undefined && condition !== etag)) {
      response.writeHead(200, { "content-length": content.length }).end(content);
    } else if (from >= content.length) {
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
    } else {
      const range = `bytes ${from}-${content.length - 1}/${content.length}`;
      response
        .writeHead(206, { "content-range": range, "content-length": content.length - from })
        .end(content.subarray(from));
    }
  };
}

/** Answers as `handler` does, and breaks the connection off once so many bytes of the content are sent. */
export function breakAfter(bytes: number, handler: Handler): Handler {
  return (request, response) => {
    const { end } = response;
    response.end = ((content?: Buffer) => {
      const sent = (content ?? Buffer.alloc(0)).subarray(0, bytes);
      response.write(sent, () => setTimeout(() => response.destroy(), 150));
      return response;
    }) as typeof end;
    handler(request, response);
  };
}
