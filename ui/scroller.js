// Tables that are wider than their place: then the place can be focused and scrolled by keyboard.

/** Watches every place for a wide table. */
export function watchScrollers() {
  const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target.closest(".scroller"))));
  for (const place of document.querySelectorAll(".scroller")) {
    watch.observe(place);
    new MutationObserver(() => mark(place)).observe(place, { childList: true, subtree: true });
  }
}

function mark(place) {
  const wide = place.scrollWidth > place.clientWidth + 1 || place.scrollHeight > place.clientHeight + 1;
  if (wide === place.hasAttribute("tabindex")) return;
  if (!wide) {
    for (const name of ["tabindex", "role", "aria-label"]) place.removeAttribute(name);
    return;
  }
  const title = place.closest("section").querySelector("h2");
  place.setAttribute("tabindex", "0");
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", `${title.textContent}, table`);
}
