// Moments and durations in words, in UTC or the reader's zone.

let zone = "utc";

/** Shows times in "utc" or "local". @param {"utc"|"local"} value */
export function setZone(value) {
  zone = value;
  shapes.clear();
}

/** What times are given in: "UTC" or the reader's zone. @returns {string} */
export function zoneName() {
  return zone === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const shapes = new Map();

function shape(name, options) {
  let made = shapes.get(name);
  if (!made) {
    made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone === "utc" ? "UTC" : undefined });
    shapes.set(name, made);
  }
  return made;
}

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const SHORT = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DATE = { day: "numeric", month: "short" };

/** 11:58:13 @param {number} ms @returns {string} */
export const time = (ms) => shape("time", TIME).format(ms);
/** 11:58 @param {number} ms @returns {string} */
export const shortTime = (ms) => shape("short", SHORT).format(ms);
/** 25 Nov @param {number} ms @returns {string} */
export const date = (ms) => shape("date", DATE).format(ms);
/** 25 Nov 11:58:13 @param {number} ms @returns {string} */
export const dateTime = (ms) => `${date(ms)} ${time(ms)}`;

/** The time, with the date if it is not today's. @param {number} ms @returns {string} */
export function nearTime(ms) {
  return date(ms) === date(Date.now()) ? time(ms) : dateTime(ms);
}

/** A stretch such as a window's: "11:50 – 11:51", with dates where they are needed. */
export function stretch(startMs, endMs) {
  const show = (ms) => (ms % 60_000 === 0 ? shortTime(ms) : time(ms));
  const today = date(startMs) === date(Date.now());
  const from = today ? show(startMs) : `${date(startMs)} ${show(startMs)}`;
  const sameDay = date(startMs) === date(endMs) || endMs - startMs <= 3_600_000;
  return `${from} – ${sameDay ? show(endMs) : `${date(endMs)} ${show(endMs)}`}`;
}

/** How long: "0.4 s", "12 s", "3 min", "2 h 5 min", "4 d 2 h". @param {number} ms @returns {string} */
export function span(ms) {
  const abs = Math.max(0, ms);
  if (abs < 9_950) return `${(abs / 1000).toFixed(1)} s`;
  if (abs < 119_500) return `${Math.round(abs / 1000)} s`;
  const minutes = Math.round(abs / 60_000);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  return two(Math.floor(minutes / 1440), "d", Math.floor((minutes % 1440) / 60), "h");
}

/** How long something took: "0.42 ms", "12 ms", "1.3 s". @param {number} ms @returns {string} */
export function took(ms) {
  return ms < 999.5 ? `${ms < 9.95 ? Number(ms.toPrecision(2)) : Math.round(ms)} ms` : span(ms);
}

/** A configured duration, exact: "1 min", "10 min", "1 h", "1 d". @param {number} ms @returns {string} */
export function exactSpan(ms) {
  for (const [unit, size] of [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]]) {
    if (ms >= size && ms % size === 0) return `${ms / size} ${unit}`;
  }
  return `${ms} ms`;
}

function two(most, mostUnit, rest, restUnit) {
  return rest ? `${most} ${mostUnit} ${rest} ${restUnit}` : `${most} ${mostUnit}`;
}
