// The panel of windows: which definition, how far back, which branches; the chart, the same as a
// table, and what was revised.

import { Chart } from "./chart.js";
import { byId, make, setText, sync } from "./element.js";
import { formatCount, formatDecimal } from "./decimal.js";
import { exactSpan, stretch, zoneName } from "./moment.js";
import { slot } from "./palette.js";
import { MEASURES, chartData } from "./series.js";
import { rangeStart } from "./session.js";
import { byBranch } from "./shelf.js";

const RANGES = [30, 60, 180, 720];
const DAYS = [1, 2, 7];
const CHOSEN_AT_FIRST = 8;
const TABLE_ROWS = 60;
const REVISED_SHOWN = 6;
const ANSWER_MOST = 10_000;

/** The panel. */
export class WindowsPanel {
  /**
   * @param {import("./figures.js").Figures} figures
   * @param {import("./address.js").View} view what the address asks for; kept up to date
   * @param {(reload: boolean) => void} chosen told that the view changed, and whether windows must be loaded
   */
  constructor(figures, view, chosen) {
    this.figures = figures;
    this.view = view;
    this.chosen = chosen;
    this.chart = new Chart(byId("chart"), (at) => this.#readout(at));
    byId("measure").append(...Object.entries(MEASURES).map(([key, { name }]) => make("option", { value: key, text: name })));
    byId("measure").addEventListener("change", (event) => this.#choose("measure", event.target.value, false));
    byId("range").addEventListener("change", (event) => this.#choose("range", event.target.value, true));
    byId("as-table").addEventListener("click", () => this.#choose("table", !this.view.table, false));
  }

  /** The definition that is shown; undefined while none is known. */
  definition() {
    const { definitions } = this.figures;
    return definitions.find(({ name }) => name === this.view.window) ?? definitions[0];
  }

  /** What must be loaded for it. */
  wanted() {
    const definition = this.definition();
    if (!definition) return null;
    const branch = this.view.branches.length === 1 ? this.view.branches[0] : null;
    return { name: definition.name, windows: this.#count(definition), branch };
  }

  /** Draws everything again, for another theme or zone. */
  restyle() {
    this.chart.restyle();
    this.drawn = null;
  }

  /** Shows the figures. */
  render() {
    const definition = this.definition();
    if (!definition) return;
    this.#definitions(definition);
    this.#lead(definition);
    this.#controls(definition);
    this.#chips();
    const { shelf, shown } = this.figures;
    const version = [shown, shelf.version, this.view.measure, this.view.branches, this.view.range, this.figures.newest()].join();
    byId("chart").hidden = this.view.table;
    byId("chart-table").hidden = !this.view.table;
    if (version === this.drawn && this.tabled === this.view.table) return;
    this.drawn = version;
    this.tabled = this.view.table;
    if (shown !== definition.name) return;
    this.#draw(definition);
    this.#revised(definition);
  }

  #choose(key, value, reload) {
    this.view[key] = value;
    this.chosen(reload);
  }

  #count(definition) {
    const choices = definition.kind === "cumulative" ? DAYS : RANGES;
    const asked = Number(this.view.range);
    const count = choices.includes(asked) ? asked : choices[1];
    const perStep = definition.kind === "cumulative" ? definition.size_ms / definition.slide_ms : 1;
    const branches = this.view.branches.length === 1 ? 1 : Math.max(1, this.figures.totals.size);
    // One answer of the service must hold it, or the newest windows would be missing.
    return Math.max(1, Math.min(count, Math.floor(ANSWER_MOST / branches / perStep) - 2));
  }

  #definitions(definition) {
    sync(byId("definitions"), [{ legend: true, name: "" }, ...this.figures.definitions], ({ name }) => name, ({ legend, name }) => {
      if (legend) return make("legend", { class: "hidden-text", text: "Window definition" });
      const input = make("input", { type: "radio", name: "window", value: name });
      input.addEventListener("change", () => {
        this.view.range = undefined;
        this.#choose("window", name, true);
      });
      return make("label", {}, input, make("span", { text: name }));
    }, (node, { name }) => {
      const input = node.querySelector("input");
      if (input) input.checked = name === definition.name;
    });
  }

  #lead({ kind, size_ms, slide_ms, time_zone }) {
    const [size, slide] = [exactSpan(size_ms), exactSpan(slide_ms)];
    const words = {
      tumbling: `${size} each, one after the other.`,
      sliding: `The ${size} before each moment, every ${slide}. They overlap, so they are never added up.`,
      cumulative: `Cumulative: each begins at the start of ${size === "1 d" ? "the day" : `its ${size}`} in ${time_zone}, and one ends every ${slide}. They overlap, so they are never added up.`,
    }[kind];
    setText(byId("windows-lead"), `${words} Times in ${zoneName()}.`);
  }

  #controls(definition) {
    const measure = this.#measure();
    byId("measure").value = measure;
    const cumulative = definition.kind === "cumulative";
    const choices = (cumulative ? DAYS : RANGES).map((count) => ({
      count,
      name: exactSpan(count * (cumulative ? definition.size_ms : definition.slide_ms)),
    }));
    sync(byId("range"), choices, ({ count, name }) => `${count} ${name}`, ({ count, name }) => make("option", { value: count, text: name }), () => {});
    const asked = Number(this.view.range);
    byId("range").value = String(choices.some(({ count }) => count === asked) ? asked : choices[1].count);
    byId("as-table").setAttribute("aria-pressed", String(this.view.table));
    setText(byId("as-table"), this.view.table ? "As a chart" : "As a table");
  }

  #measure() {
    return Object.hasOwn(MEASURES, this.view.measure ?? "") ? this.view.measure : "amount";
  }

  #chips() {
    const branches = this.figures.branches();
    const chosen = new Set(this.view.branches);
    sync(byId("branches"), [{ kind: "legend" }, ...branches, { kind: "all" }], ({ kind, id }) => kind ?? `of ${id}`, ({ kind, id, name }) => {
      if (kind === "legend") return make("legend", { class: "hidden-text", text: "Branches shown; none chosen shows all" });
      if (kind === "all") {
        const button = make("button", { type: "button", class: "plain", text: "Show all" });
        button.addEventListener("click", () => {
          byId("branches").querySelector("input")?.focus();
          this.#branches([]);
        });
        return button;
      }
      const input = make("input", { type: "checkbox", value: id });
      input.addEventListener("change", () => {
        const now = new Set(this.view.branches);
        if (input.checked) now.add(id);
        else now.delete(id);
        this.#branches([...now].sort(byBranch));
      });
      return make("label", { class: `chip branch-${slot(id, branches)}` }, input, make("i", { class: "swatch" }), make("span", { text: name }));
    }, (node, { kind, id }) => {
      if (kind === "all") node.hidden = chosen.size === 0;
      const input = node.querySelector("input");
      if (!input) return;
      input.checked = chosen.has(id);
      node.classList.toggle("chip-off", chosen.size > 0 && !chosen.has(id));
      node.className = node.className.replace(/branch-\d+/, `branch-${slot(id, branches)}`);
    });
  }

  #branches(ids) {
    const single = (chosen) => (chosen.length === 1 ? chosen[0] : null);
    const reload = single(ids) !== single(this.view.branches);
    this.#choose("branches", ids, reload);
  }

  /** The branches that are drawn: the chosen ones, else the largest few. */
  #drawnBranches() {
    const all = this.figures.branches();
    const chosen = all.filter(({ id }) => this.view.branches.includes(id));
    if (chosen.length > 0) return chosen;
    if (all.length <= 10) return all;
    const amount = (id) => Math.abs(this.figures.totals.get(id)?.pay_amount ?? 0);
    return [...all].sort((a, b) => amount(b.id) - amount(a.id)).slice(0, CHOSEN_AT_FIRST).sort((a, b) => byBranch(a.id, b.id));
  }

  #draw(definition) {
    const newest = this.figures.newest();
    if (newest === null) return;
    const branches = this.#drawnBranches();
    const known = this.figures.branches();
    const start = rangeStart(definition, newest, this.#count(definition));
    const measure = this.#measure();
    const data = chartData(this.figures.shelf.all(), definition, measure, branches, start, newest);
    this.data = data;
    const step = definition.slide_ms;
    const cumulative = definition.kind === "cumulative";
    const last = data.xs[data.xs.length - 1] ?? newest;
    const first = data.xs[0] ?? newest;
    const to = last + (data.stacked ? step : definition.kind === "tumbling" ? step / 2 : step * 0.15);
    // A young topic gets room to grow in, not an axis of mostly nothing.
    const room = Math.min(first - (data.stacked ? 0 : step / 2), last - (data.stacked ? 11 : 10.5) * step);
    const from = cumulative ? Math.min(first, last - 12 * step) - step : room;
    if (this.view.table) this.#table(data, measure);
    else this.chart.show(data, { slotOf: (id) => slot(id, known), step, cumulative, from, to });
    const left = known.length - branches.length;
    const note = left > 0 && this.view.branches.length === 0 ? ` The ${branches.length} largest branches are drawn; choose others above.` : "";
    if (note) byId("windows-lead").append(note);
  }

  #table({ xs, rows }, measure) {
    const shown = xs.slice(-TABLE_ROWS).reverse();
    const place = byId("chart-table");
    const head = make("tr", {}, make("th", { scope: "col", text: "Window" }), ...rows.map(({ name }) => make("th", { scope: "col", class: "number", text: name })));
    const body = shown.map((x) => {
      const any = rows.map((row) => row.points.get(x)).find(Boolean);
      const open = rows.some((row) => row.points.get(x)?.final === false);
      const header = make("th", { scope: "row", text: `${stretch(any.start, any.end)}${open ? " · open" : ""}` });
      return make("tr", {}, header, ...rows.map((row) => this.#cell(row.points.get(x), measure)));
    });
    const more = xs.length > shown.length ? ` The newest ${shown.length} of ${xs.length} are listed.` : "";
    const caption = make("caption", { text: `${capital(MEASURES[measure].name)} by window and branch, the newest first; * late payments, ◆ revised.${more}` });
    const { scrollLeft, scrollTop } = place;
    place.replaceChildren(make("table", {}, caption, make("thead", {}, head), make("tbody", {}, ...body)));
    Object.assign(place, { scrollLeft, scrollTop });
  }

  #cell(point, measure) {
    if (!point) return make("td", { class: "number quiet", text: "–" });
    const marks = (point.revised ? " ◆" : "") + (point.late ? " *" : "");
    return make("td", { class: "number", text: shownValue(point.item, measure) + marks });
  }

  #readout(at) {
    const place = byId("readout");
    const { xs, rows } = this.data ?? { xs: [], rows: [] };
    const points = at === null || at === undefined ? [] : rows.map((row) => ({ row, point: row.points.get(xs[at]) })).filter(({ point }) => point);
    place.hidden = points.length === 0;
    if (points.length === 0) return;
    const known = this.figures.branches();
    const measure = this.#measure();
    const { start, end } = points[0].point;
    const state = points.every(({ point }) => point.final) ? "final" : "open";
    place.replaceChildren(
      make("p", { class: "readout-head" }, make("strong", { text: stretch(start, end) }), ` ${state}`),
      make("ul", {}, ...points.map(({ row, point }) => make(
        "li", { class: `branch-${slot(row.id, known)}` },
        make("i", { class: "swatch" }), make("span", { text: `${row.name} ` }),
        make("span", { class: "number", text: shownValue(point.item, measure) }),
        ...(point.revised ? [make("span", { class: "tag", text: `revised ×${point.item.revision}` })] : []),
        ...(point.late ? [make("span", { class: "tag", text: `${point.item.late_count} late` })] : []),
      ))),
    );
  }

  #revised(definition) {
    const chosen = this.view.branches;
    const list = this.figures.shelf.revised()
      .filter((item) => chosen.length === 0 || chosen.includes(item.branch_id))
      .slice(0, REVISED_SHOWN);
    byId("revised-none").hidden = list.length > 0;
    const known = this.figures.branches();
    sync(byId("revised"), list, (item) => `${definition.name}/${item.key}`, (item) => make(
      "li", { class: `branch-${slot(item.branch_id, known)}` },
      make("i", { class: "swatch" }), make("span"), make("span", { class: "number" }), make("span", { class: "quiet" }),
    ), (node, item) => {
      const [, name, amount, late] = node.children;
      setText(name, `${item.branch}, ${stretch(item.start, item.end)}`);
      setText(amount, formatDecimal(item.pay_amount_exact, 2));
      setText(late, `revised ${item.revision === 1 ? "once" : `${formatCount(item.revision)} times`}, ${formatCount(item.late_count)} late (${formatDecimal(item.late_amount_exact)})`);
    });
  }
}

function shownValue(item, measure) {
  if (measure === "amount") return formatDecimal(item.pay_amount_exact, 2);
  const value = MEASURES[measure].of(item);
  if (value === null) return "–";
  return measure === "count" ? formatCount(value) : new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 }).format(value);
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
