// A method of one's own, on the network, the views and the data of the settings:
//   sit pretrain --config examples/byol.config.ts --data photos
import { defineConfig } from "@sitjs/app";
import { mocoHeads } from "@sitjs/vit";
import { byol } from "./byol.js";

export default defineConfig({
  preset: "demo-color",
  parts: {
    method: ({ backbone, settings }) =>
      byol({
        backbone,
        ...mocoHeads({
          width: backbone.width,
          hidden: settings.projectionHidden,
          output: settings.projectionOutput,
          initialization: "xavier",
        }),
      }),
  },
});
