// The docs site: `npm run docs`, `npm run docs:dev`. Its pages are the Markdown files of this folder, which read as well on
// GitHub; docs/api is made by scripts/lib/api-pages.mjs. Nothing is fetched, neither by the build nor by a reader's browser.
import { defineConfig } from "vitepress";
import { linksOutside, REPOSITORY } from "./links.js";
import { page, pages } from "./pages.js";
import { tablesInBoxes } from "./tables.js";

export default defineConfig({
  title: "sitjs",
  description: "Self-supervised learning of vision transformers in TypeScript",
  lang: "en-GB",
  cleanUrls: false,
  head: [
    ["link", { rel: "icon", type: "image/svg+xml", href: `${process.env.SITJS_DOCS_BASE ?? "/"}icon.svg` }],
  ],
  base: process.env.SITJS_DOCS_BASE ?? "/",
  markdown: {
    config(md) {
      linksOutside(md);
      tablesInBoxes(md);
    },
  },
  // Pages of the API are long.
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    logo: "/icon.svg",
    outline: [2, 3],
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: REPOSITORY }],
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guides", link: "/guide/own-photos", activeMatch: "/guide/" },
      { text: "Methods", link: "/methods/", activeMatch: "/methods/" },
      { text: "Results", link: "/results/compare", activeMatch: "/results/" },
      { text: "API", link: "/api/", activeMatch: "/api/" },
    ],
    sidebar: [
      { text: "Start", items: [page("index", "What it is"), page("start"), page("concepts")] },
      {
        text: "Guides",
        items: pages("guide", [
          "own-photos",
          "few-labels",
          "data",
          "watching",
          "methods",
          "judging",
          "fine-tuning",
          "multi-label",
          "embeddings",
          "pretrained",
          "browser",
          "python",
          "write-your-own",
        ]),
      },
      {
        text: "Methods",
        collapsed: true,
        items: [
          page("methods/index", "All methods"),
          ...pages("methods", ["sit", "gmml", "mae", "simmim", "moco-v3", "dino", "simclr", "rotation"]),
        ],
      },
      { text: "Results", items: pages("results", ["fashion-mnist", "compare"]) },
      {
        text: "How it holds",
        items: [
          page("performance"),
          page("reliability"),
          page("security"),
          page("engine"),
          page("architecture"),
        ],
      },
      { text: "API", collapsed: true, items: [page("api/index", "All packages"), ...pages("api", [])] },
      { text: "Taking part", items: [page("CONTRIBUTING")] },
    ],
  },
});
