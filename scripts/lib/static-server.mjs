import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { pipeline } from "node:stream";

const types = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".png": "image/png",
  ".wasm": "application/wasm",
};

/**
 * Serves folders on this machine alone, each under a path that begins and ends with a slash. `isolated` pages get
 * shared memory, without which tfjs's wasm backend has no threads; most sites in the world are not.
 * @param {Readonly<Record<string, string>>} folders by path
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serveFolders(folders, { isolated = false } = {}) {
  const paths = Object.keys(folders).sort((a, b) => b.length - a.length);
  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    if (path === undefined) return response.writeHead(400).end();
    const mount = paths.find((each) => path.startsWith(each));
    const rest = path.endsWith("/") ? `${path}index.html` : path;
    const file = mount === undefined ? undefined : join(folders[mount], rest.slice(mount.length));
    const size = file && statSync(file, { throwIfNoEntry: false });
    if (!size?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, {
      "Content-Type": types[extname(file)] ?? "application/octet-stream",
      "Content-Length": size.size,
      ...(isolated && {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
      }),
    });
    pipeline(createReadStream(file), response, () => {});
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** The path that a request asks for, with `..` resolved; undefined where it is none. */
function pathOf(url) {
  try {
    const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    return path.includes("\0") ? undefined : path;
  } catch {
    return undefined;
  }
}
