import { type Picture, pngDataUrl } from "../../figures/png.js";
import { type Html, html } from "../html.js";

/** Below this width a picture is shown with its pixels as squares. */
const PIXEL_ART = 100;

/** A picture within the page. */
export function image(picture: Picture, alt: string): Html {
  const { width, height } = picture;
  const smooth = width >= PIXEL_ART ? html` class="smooth"` : undefined;
  const ratio = width === height ? undefined : html` style="--ratio: ${width} / ${height}"`;
  return html`<img${smooth}${ratio} src="${pngDataUrl(picture)}" width="${width}" height="${height}" alt="${alt}">`;
}
