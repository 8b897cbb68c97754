/**
 * `page` with the text between each pair of markers, `<!-- name -->` and `<!-- /name -->`, made anew; the prose between
 * them stays as it is.
 *
 * @param {string} page
 * @param {string} file what to call it in errors
 * @param {Record<string, (results: any) => string | undefined>} blocks what goes between markers of that name; undefined
 *   where the results do not have it
 * @param {any} results
 * @throws {Error} for markers that name no block
 */
export function fillPage(page, file, blocks, results) {
  return page.replace(/(<!-- (\w+) -->\n).*?(<!-- \/\2 -->)/gs, (_, open, name, close) => {
    if (!(name in blocks)) {
      throw new Error(`${file}: expected markers among ${Object.keys(blocks).join(", ")}, got ${name}`);
    }
    return `${open}\n${blocks[name](results) ?? "Not measured."}\n\n${close}`;
  });
}
