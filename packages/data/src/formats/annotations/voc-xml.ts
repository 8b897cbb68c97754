import { printable, SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";
import { SaxesParser } from "saxes";

/** One image of Pascal VOC: its file and the names of the objects in it. */
export interface VocImage {
  readonly file: string;
  readonly objects: readonly { readonly name: string; readonly difficult: boolean }[];
}

/** Deeper than any annotation; elsewhere than at the places below, elements are passed over. */
const maximumDepth = 32;

const places = {
  file: "annotation/filename",
  object: "annotation/object",
  name: "annotation/object/name",
  difficult: "annotation/object/difficult",
} as const;

/**
 * Reads one annotation of Pascal VOC. A document type is refused, and with it every entity but XML's own five.
 * @throws SitError "bad-file" naming `source` and the line
 */
export function parseVocXml(text: string, source: string): VocImage {
  const parser = new SaxesParser({ position: true });
  const fail = (expected: string, got: string): never => {
    throw new SitError("bad-file", `${source}: line ${parser.line}: expected ${expected}, got ${got}`);
  };
  const path: string[] = [];
  const objects: { name?: string; difficult: boolean }[] = [];
  let file: string | undefined;
  let content = "";

  parser.on("doctype", () => fail("no document type", "one"));
  parser.on("error", ({ message }) => {
    // Without the place that the library puts in front; what follows may quote any part of the text.
    fail("XML", printable(message.replace(/^\d+:\d+: /, "").slice(0, 80)));
  });
  parser.on("opentag", ({ name }) => {
    if (path.length === maximumDepth) fail(`at most ${maximumDepth} elements inside each other`, "more");
    path.push(name);
    if (path.length === 1 && name !== "annotation")
      fail("the element annotation", printable(name.slice(0, 80)));
    if (path.join("/") === places.object) objects.push({ difficult: false });
    content = "";
  });
  parser.on("text", (part) => {
    content += part;
  });
  parser.on("cdata", (part) => {
    content += part;
  });
  parser.on("closetag", () => {
    const value = content.trim();
    const object = objects.at(-1);
    switch (path.join("/")) {
      case places.file:
        if (file !== undefined) fail("one filename", "a second");
        file = value;
        break;
      case places.name:
        if (object?.name !== undefined) fail("one name of an object", "a second");
        if (value === "") fail("the name of an object", "an empty one");
        Object.assign(object as object, { name: value });
        break;
      case places.difficult:
        if (value !== "0" && value !== "1") fail("difficult to be 0 or 1", describeJson(value));
        Object.assign(object as object, { difficult: value === "1" });
        break;
      case places.object:
        if (object?.name === undefined) fail("an object with a name", "one without");
        break;
    }
    path.pop();
    content = "";
  });
  parser.write(text).close();
  if (file === undefined) return fail("a filename", "none");
  return { file, objects: objects as { name: string; difficult: boolean }[] };
}
