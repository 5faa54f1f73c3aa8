// Where the page comes together: state to views, choices to the session.

import { readView, writeView } from "./address.js";
import { byId, setText } from "./element.js";
import { Figures } from "./figures.js";
import { renderLedger } from "./ledger.js";
import { setZone, span, time } from "./moment.js";
import { renderPartitions } from "./partitions.js";
import { knowsKafka, renderParts, worstPart } from "./parts.js";
import { readPalette } from "./palette.js";
import { RecordsPanel } from "./records.js";
import { watchScrollers } from "./scroller.js";
import { Session } from "./session.js";
import { renderSummary, renderTotals, renderWatermarkAge } from "./summary.js";
import { preference } from "./preference.js";
import { TokenDialog } from "./token.js";
import { WindowsPanel } from "./windows.js";

const FRAME_MS = 250;
const TICK_MS = 500;

const figures = new Figures();
const view = readView();
const windows = new WindowsPanel(figures, view, (reload) => {
  writeView(view);
  if (reload) void session.reload();
  paint();
});
const records = new RecordsPanel(view, () => {
  writeView(view);
  paint();
});
const session = new Session(figures, () => windows.wanted(), () => paint());
const dialog = new TokenDialog(() => session.start());

let due = 0;
let painted = 0;

// At most once a frame, and at most four times a second: figures that flicker can't be read.
function paint() {
  if (due) return;
  due = setTimeout(() => requestAnimationFrame(() => {
    due = 0;
    painted = performance.now();
    render();
  }), Math.max(0, painted + FRAME_MS - performance.now()));
}

function render() {
  const { state, trouble } = session;
  document.documentElement.dataset.state = state;
  const known = state === "live" || state === "stale";
  byId("figures").hidden = state === "error" || state === "locked";
  byId("figures").setAttribute("aria-busy", String(state === "loading"));
  byId("trouble").hidden = state !== "error" && state !== "locked";
  setText(byId("trouble-title"), state === "locked" ? "This service is locked" : trouble?.kind === "unreachable" ? "The service does not answer" : "The service can't answer now");
  setText(byId("trouble-text"), state === "locked" ? "Enter its token to see the figures." : `${trouble?.message ?? ""} This page tries again by itself.`);
  setText(byId("trouble-retry"), state === "locked" ? "Enter the token" : "Try now");
  if (state === "locked") dialog.open();
  else if (state === "live") dialog.close();
  renderPulse();
  announce(state);
  if (!known) return;
  const empty = figures.isEmpty();
  document.documentElement.toggleAttribute("data-empty", empty);
  byId("empty").hidden = !empty;
  renderSummary(figures);
  renderTotals(figures);
  renderPartitions(figures);
  renderLedger(figures);
  renderParts(figures);
  windows.render();
  records.render(figures);
}

function renderPulse() {
  const { state, heard, nextTry } = session;
  const silent = heard === null ? 0 : Date.now() - heard;
  const asOf = figures.reading ? Math.max(0, Date.now() - Date.parse(figures.reading.as_of)) : null;
  const words = { loading: "Connecting", live: `${knowsKafka(figures.status) ? "Live" : "Connected"}${session.polls ? ", by asking" : ""}`, stale: "Stale", error: "No answer", locked: "Locked" };
  setText(byId("pulse-word"), words[state]);
  setText(byId("pulse-age"), state === "live" && asOf !== null ? `as of ${span(asOf)} ago` : state === "stale" ? `for ${span(silent)}` : "");
  const next = nextTry === null || nextTry <= Date.now() ? "Trying again now." : `Trying again in ${Math.ceil((nextTry - Date.now()) / 1000)} s.`;
  setText(byId("trouble-next"), state === "error" ? next : "");
  const worst = worstPart(figures.status);
  const banner = byId("banner");
  const stale = state === "stale";
  banner.hidden = !stale && !(state === "live" && worst);
  banner.dataset.state = stale ? "stale" : worst?.state ?? "";
  byId("banner-retry").hidden = !stale;
  setText(byId("banner-text"), stale ? `The connection is lost: these are the figures of ${time(heard ?? Date.now())}. ${next}` : worst ? `${worst.words}.`.replace(/\.\.$/, ".") : "");
  if (figures.status && state === "live") renderWatermarkAge(figures);
}

let announced = "loading";

// Announces only changes of state to screen readers. Figures change all the time.
function announce(state) {
  if (state === announced) return;
  const words = { live: announced === "stale" || announced === "error" ? "Connected again." : "Figures loaded.", stale: "The connection is lost. Figures are stale.", error: "The service does not answer.", locked: "A token is needed." };
  announced = state;
  setText(byId("announcement"), words[state] ?? "");
}

function redraw() {
  readPalette();
  windows.restyle();
  records.restyle();
  paint();
}

preference(byId("theme"), "tidegauge.theme", (theme) => {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  redraw();
});
preference(byId("zone"), "tidegauge.zone", (zone) => {
  setZone(zone);
  redraw();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
for (const id of ["banner-retry", "trouble-retry"]) {
  byId(id).addEventListener("click", () => (session.state === "locked" ? dialog.open() : session.start()));
}
document.addEventListener("visibilitychange", () => (document.hidden ? session.pause() : session.resume()));
addEventListener("hashchange", () => {
  Object.assign(view, readView());
  void session.reload();
  paint();
});
addEventListener("beforeprint", render);
setInterval(() => {
  if (!document.hidden) renderPulse();
}, TICK_MS);

watchScrollers();
render();
if (!document.hidden) void session.start();
