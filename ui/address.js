// What is shown, kept in the address behind "#", so that a view can be bookmarked and sent.

const KEYS = ["window", "range", "measure", "branches", "table", "list"];

/** @typedef {{window?: string, range?: string, measure?: string, branches: (number|string)[], table: boolean, list?: string}} View */

/** The view that the address asks for. @returns {View} */
export function readView() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const ids = (asked.get("branches") ?? "").split(",").map(readBranch).filter((id) => id !== null);
  return {
    window: asked.get("window") ?? undefined,
    range: asked.get("range") ?? undefined,
    measure: asked.get("measure") ?? undefined,
    branches: [...new Set(ids)],
    table: asked.get("table") === "1",
    list: asked.get("list") ?? undefined,
  };
}

// A branch is an integer, or a text, in which "%2C" stands for a comma.
function readBranch(text) {
  if (/^(0|[1-9]\d{0,9})$/.test(text) && Number(text) < 2 ** 31) return Number(text);
  try {
    return decodeURIComponent(text) || null;
  } catch {
    return null;
  }
}

/** Puts a view into the address, without a step in the history. @param {View} view */
export function writeView(view) {
  const shown = new URLSearchParams();
  for (const key of KEYS) {
    const value = view[key];
    if (key === "branches") {
      if (value.length > 0) shown.set(key, value.map((id) => String(id).replace(/[%,]/g, encodeURIComponent)).join());
    } else if (value) shown.set(key, value === true ? "1" : String(value));
  }
  const hash = shown.toString().replaceAll("%2C", ",");
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}
