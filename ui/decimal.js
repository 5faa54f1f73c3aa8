// Exact decimals: added and shown as text. No amount passes through a float here.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const POINT = new Intl.NumberFormat().formatToParts(1.5).find((part) => part.type === "decimal")?.value ?? ".";

function split(text) {
  const negative = text.startsWith("-");
  const [whole, fraction = ""] = (negative ? text.slice(1) : text).split(".");
  return { negative, whole, fraction };
}

/** How many digits stand behind the point. @param {string} text @returns {number} */
export function scale(text) {
  return split(text).fraction.length;
}

/**
 * An exact decimal with the reader's separators.
 * @param {string} text as the service gives it, "-1234.5"
 * @param {number} [digits] at least so many digits behind the point
 * @returns {string} "−1,234.50"
 */
export function formatDecimal(text, digits = 0) {
  const { negative, whole, fraction } = split(text);
  const padded = fraction.padEnd(digits, "0");
  return (negative ? "−" : "") + number.format(BigInt(whole)) + (padded ? POINT + padded : "");
}

/** The exact sum. @param {string[]} texts @returns {string} */
export function addDecimals(texts) {
  const places = Math.max(0, ...texts.map(scale));
  let units = 0n;
  for (const text of texts) {
    const { negative, whole, fraction } = split(text);
    const value = BigInt(whole + fraction.padEnd(places, "0"));
    units += negative ? -value : value;
  }
  const digits = (units < 0n ? -units : units).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return (units < 0n ? "-" : "") + whole + (fraction ? `.${fraction}` : "");
}

/** So many of a noun, which is given in the singular: `1 document`. @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A count with the reader's separators. @param {number} count @returns {string} */
export function formatCount(count) {
  return number.format(count);
}
