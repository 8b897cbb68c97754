// In a page in the place of fixtures/load.ts: tests want fixtures at once, so all are fetched before they are loaded.
import { type Fixture, type FixtureDescription, fixtureOf } from "../fixtures/fixture.js";

export type { Fixture } from "../fixtures/fixture.js";

const files = import.meta.glob<string>("../fixtures/*.{json,safetensors}", {
  eager: true,
  query: "?url",
  import: "default",
});

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

async function fetched(path: string, url: string): Promise<[name: string, bytes: Uint8Array]> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return [nameOf(path), new Uint8Array(await answer.arrayBuffer())];
}

const contents = new Map(await Promise.all(Object.entries(files).map(([path, url]) => fetched(path, url))));

/** The fixture of that name; throws where there is none. */
export function loadFixture(name: string): Fixture {
  const json = contents.get(`${name}.json`);
  if (json === undefined) throw new Error(`fixture ${name}: no such file`);
  const description = JSON.parse(new TextDecoder().decode(json)) as FixtureDescription;
  return fixtureOf(name, description, contents.get(`${name}.safetensors`));
}
