import type { ReportData } from "../data.js";
import { count, loss, percent } from "../format.js";
import { html } from "../html.js";
import { factTable, type Section, section } from "./section.js";

/** Accuracy of a linear classifier on the frozen network. */
export function linearSection({ linear }: ReportData): Section | undefined {
  if (linear === undefined) return undefined;
  const { top1, top5, labels, epochs, learningRate, optimizer, features, augmented, tried = [] } = linear;
  const how = `One linear layer learns to tell the classes from the features of the network, which stays as it is. Low numbers
need not mean a bad network: masked methods do much better fine-tuned.`;
  return section(
    "linear",
    "Linear probe",
    how,
    html`${factTable([
      ["accuracy", percent(top1)],
      ["among the best five", percent(top5)],
      ["labels", count(labels)],
      ["features", features],
      [
        "training",
        `${count(epochs)} epochs, ${optimizer}, learning rate ${loss(learningRate)} for a batch of 256`,
      ],
      ["images", augmented ? "cropped and flipped anew in each epoch" : "as they are, features taken once"],
    ])}${
      tried.length === 0
        ? undefined
        : html`<h3>Learning rates tried</h3><p class="caption">Accuracy on training images held out; the test images had no part
in the choice.</p>${factTable(tried.map((one) => [loss(one.learningRate), percent(one.top1)] as const))}`
    }`,
  );
}
