// What a reader prefers, kept in the browser.

/**
 * Binds a select to a kept choice, and tells it at once and whenever it changes.
 * @param {HTMLSelectElement} select
 * @param {string} key where it is kept
 * @param {(value: string) => void} chosen
 */
export function preference(select, key, chosen) {
  const kept = localStorage.getItem(key);
  if ([...select.options].some(({ value }) => value === kept)) select.value = kept;
  chosen(select.value);
  select.addEventListener("change", () => {
    localStorage.setItem(key, select.value);
    chosen(select.value);
  });
}
