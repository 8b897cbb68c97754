import { printable, SitError } from "@sitjs/core/errors";
import {
  type CatalogueEntry,
  catalogueEntry,
  type DatasetProgress,
  datasetFolder,
  downloadDataset,
  type OwnSources,
} from "@sitjs/data";
import type { Run } from "../command-line/run-command.js";
import { sizeOf } from "../experiment/catalogue.js";
import { type Reporter, type Stage, stage } from "../experiment/reporter.js";

/** Fetches a data set of the catalogue. */
export const run: Run = async (options, { console, signal }, name = "") => {
  const { report } = console;
  const entry = catalogueEntry(name);
  if (entry === undefined) {
    throw new SitError("bad-option", `data get: expected a name of sit data list, got ${printable(name)}`);
  }
  const { title, licence, homepage, ownSources } = entry;
  report({ event: "note", text: `${title}: ${homepage}; licence: ${licence}` });
  const to = options.to as string | undefined;
  const own = ownSources !== undefined && to === undefined;
  const { place, fetched } = own
    ? await getOwn(entry, ownSources, report)
    : await download(entry, to ?? datasetFolder(name), report, signal);
  const source = to === undefined ? name : to;
  console.result({ command: "data get", name, place, fetched, licence, homepage }, [
    `${title} is ${fetched.length === 0 ? "there already" : "there"}: ${printable(place)}`,
    `sit pretrain --data ${printable(source)} takes it; sit data show ${printable(source)} pictures it.`,
  ]);
};

/** By the data set's own ways, which keep it in the cache. */
async function getOwn(entry: CatalogueEntry, sources: OwnSources, report: Reporter) {
  const wasHere = sources.isHere();
  const onNotice = (text: string) => report({ event: "note", text });
  const place = await stage(report, entry.title, { unit: "MB" }, async (now) => {
    let from = "";
    for (const { name: part } of entry.parts) {
      const opened = await sources.open({
        part,
        onNotice,
        onProgress: ({ receivedBytes, totalBytes }) => tell(now, receivedBytes, totalBytes),
      });
      from = opened.source.location;
    }
    return from;
  });
  return { place, fetched: wasHere ? [] : entry.parts.map(({ name }) => name) };
}

async function download(entry: CatalogueEntry, folder: string, report: Reporter, signal: AbortSignal) {
  return await stage(report, `${entry.title} (${sizeOf(entry)})`, { unit: "MB" }, async (now) => {
    const steps = new Set<string>();
    const onWait = () => report({ event: "note", text: `Waiting: another process is at work in ${folder}` });
    const onProgress = ({ file, step, doneBytes, totalBytes }: DatasetProgress) => {
      const text = `${step === "download" ? "Downloading" : "Unpacking"} ${file}`;
      if (!steps.has(text)) report({ event: "note", text });
      steps.add(text);
      tell(now, doneBytes, totalBytes);
    };
    const { fetched } = await downloadDataset(entry, folder, { signal, onWait, onProgress });
    return { place: folder, fetched };
  });
}

/** Whole megabytes: what is told many times a second should be short. */
function tell(now: Stage, doneBytes: number, totalBytes: number | undefined): void {
  const total = totalBytes === undefined ? undefined : Math.max(1, Math.round(totalBytes / 1e6));
  now.progress({ done: Math.round(doneBytes / 1e6), ...(total === undefined ? {} : { total }) });
}
