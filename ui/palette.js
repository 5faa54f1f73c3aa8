// The colour of a branch: ten that are told apart with any colour vision, in light and in dark,
// given by the order of ids so that a branch keeps its colour whatever is filtered.

let dark = false;
let colours = [];

/** Reads the colours of the theme that is on. */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  colours = Array.from({ length: 10 }, (_, at) => style.getPropertyValue(`--branch-${at}`).trim());
  dark = style.getPropertyValue("--is-dark").trim() === "1";
  return {
    text: style.getPropertyValue("--quiet").trim(),
    strong: style.getPropertyValue("--text").trim(),
    grid: style.getPropertyValue("--line").trim(),
    card: style.getPropertyValue("--card").trim(),
    dark,
  };
}

/** Which of the ten colours a branch has. @param {number|string} id @param {{id: number|string}[]} branches by id */
export function slot(id, branches) {
  return Math.max(0, branches.findIndex((branch) => branch.id === id)) % 10;
}

/** The colour of a slot now. @param {number} at @returns {string} */
export function colour(at) {
  return colours[at];
}

/** Dashes that tell lines apart beside their colours, in CSS pixels. @param {number} at */
export function dashOf(at) {
  return at >= 5 ? [7, 2] : [];
}
