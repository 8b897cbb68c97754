// SiT with a masking strategy, a loss, an augmentation and a network of one's own:
//   sit pretrain --config examples/sit.config.ts --data photos
import { defineConfig } from "@sitjs/app";
import { moduleTransform, sitViews } from "@sitjs/augment";
import { maskedSsim } from "./masked-ssim.js";
import { poolFormer } from "./pool-former.js";
import { uniformMasking } from "./uniform-masking.js";

const stainJitter = moduleTransform({
  url: new URL("./stain-jitter.mjs", import.meta.url).href,
  options: { strength: 0.2 },
});

export default defineConfig({
  preset: "demo-color",
  parts({ settings, mean, deviation }) {
    const { imageSize, patchSize, width, depth, channels } = settings;
    return {
      backbone: poolFormer({ imageSize, patchSize, width, depth, channels }),
      corruption: uniformMasking({ patchSize }),
      reconstruction: { loss: maskedSsim() },
      // After the crop, which makes the picture small.
      views: sitViews({ size: imageSize, preset: "small", mean, deviation }).map((view) => ({
        ...view,
        transforms: [...view.transforms.slice(0, 1), stainJitter, ...view.transforms.slice(1)],
      })),
    };
  },
});
