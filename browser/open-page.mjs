/** The longest that any page takes here, in milliseconds: WebGL without a graphics card, on a busy machine. */
const limit = 600_000;

/**
 * Opens a page, works with it and closes it. An error that nothing in the page catches, or its crash, ends the work.
 * @template T
 * @param {import("playwright-core").Browser} browser
 * @param {string} address
 * @param {(page: import("playwright-core").Page) => Promise<T>} work
 * @param {(page: import("playwright-core").Page) => Promise<unknown>} prepare before the page is opened
 * @returns {Promise<T>}
 */
export async function openPage(browser, address, work, prepare = async () => {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(limit);
  const broken = new Promise((_, reject) => {
    page.on("pageerror", reject);
    page.on("crash", () => reject(new Error(`${address}: the page crashed`)));
  });
  try {
    await prepare(page);
    const done = page.goto(address).then(() => work(page));
    return await /** @type {Promise<T>} */ (Promise.race([done, broken]));
  } finally {
    await page.close();
  }
}
