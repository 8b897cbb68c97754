/**
 * What is wrong with how a page is laid out, as one sees without reading it: it scrolls sideways, or a picture is missing.
 * Runs in the page, so it uses nothing from outside itself.
 * @returns {string[]}
 */
export function pageProblems() {
  const problems = [];
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) {
    const wide = Array.from(document.querySelectorAll("body *")).filter(
      (element) =>
        element.getBoundingClientRect().right > innerWidth + 1 &&
        element.children.length === 0 &&
        !inBoxThatScrolls(element),
    );
    const where = wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 120));
    problems.push(`scrolls sideways, ${scrollWidth} pixels wide: ${where.join(" | ")}`);
  }
  for (const image of Array.from(document.images)) {
    if (image.complete && image.naturalWidth === 0) problems.push(`picture not there: ${image.src}`);
  }
  return problems;

  function inBoxThatScrolls(element) {
    for (let box = element.parentElement; box !== null; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
    }
    return false;
  }
}
