// The chart: uPlot keeps scales, axes and the cursor; bars, lines and marks are drawn here, because
// open and final parts, and what came late, must be told apart without colour.

import { drawBars, drawLines } from "./ink.js";
import { extent } from "./series.js";
import { readPalette } from "./palette.js";
import { date, shortTime } from "./moment.js";

const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 2 });

/** One chart in an element, drawn again with every call of `show`. */
export class Chart {
  /**
   * @param {HTMLElement} place
   * @param {(at: number|null) => void} pointed told which window the pointer or keyboard is at
   */
  constructor(place, pointed) {
    this.place = place;
    this.pointed = pointed;
    this.data = { stacked: false, xs: [], rows: [] };
    this.at = null;
    new ResizeObserver(() => this.#resize()).observe(place);
    place.addEventListener("keydown", (event) => this.#key(event));
    place.addEventListener("blur", () => this.#point(null));
  }

  /**
   * Draws.
   * @param {ReturnType<import("./series.js").chartData>} data
   * @param {{slotOf: (id: number) => number, step: number, from: number, to: number}} look `step`, `from`, `to` in ms
   */
  show(data, look) {
    this.data = data;
    this.look = look;
    if (!this.plot) this.#make();
    if (!this.plot) return;
    // Values are drawn by `ink`; uPlot needs the times for the cursor.
    this.plot.setData([data.xs.map((x) => x / 1000), data.xs.map(() => null)], true);
    if (this.at !== null) this.#point(Math.min(this.at, data.xs.length - 1), true);
  }

  /** Makes it again, for another theme or zone. */
  restyle() {
    this.plot?.destroy();
    this.plot = null;
    if (this.look) this.show(this.data, this.look);
  }

  #make() {
    const { width, height } = this.#size();
    if (width < 50) return;
    const theme = readPalette();
    this.theme = theme;
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: theme.text, font, grid: { stroke: theme.grid, width: 1 }, ticks: { show: false } };
    this.plot = new globalThis.uPlot({
      width,
      height,
      padding: [14, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: () => [this.look.from / 1000, this.look.to / 1000] },
        y: { range: () => extent(this.data) },
      },
      axes: [
        { ...axis, grid: { show: false }, space: 74, size: 34, values: (_, splits) => this.#labels(splits) },
        { ...axis, size: 54, values: (_, splits) => splits.map((value) => compact.format(value)) },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(plot) => this.#draw(plot)],
        setCursor: [(plot) => { if (!this.keyed) this.#hover(plot.cursor.idx ?? null); }],
      },
    }, [[], []], this.place);
  }

  #labels(splits) {
    let before = null;
    return splits.map((seconds) => {
      const [day, hour] = [date(seconds * 1000), shortTime(seconds * 1000)];
      const label = before === null || before === day ? hour : `${hour}\n${day}`;
      before = day;
      return label;
    });
  }

  #draw(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top - 12 * devicePixelRatio, bbox.width, bbox.height + 12 * devicePixelRatio);
    ctx.clip();
    (this.data.stacked ? drawBars : drawLines)(plot, this.data, this.look, this.theme);
    ctx.restore();
  }

  #size() {
    return { width: this.place.clientWidth, height: this.place.clientHeight || 300 };
  }

  #resize() {
    if (this.plot) this.plot.setSize(this.#size());
    else if (this.look) this.show(this.data, this.look);
  }

  #hover(at) {
    // A bar is pointed at anywhere in it; uPlot picks the nearest start.
    if (at !== null && this.data.stacked) {
      const x = this.plot.posToVal(this.plot.cursor.left, "x") * 1000;
      while (at > 0 && this.data.xs[at] > x) at -= 1;
    }
    this.at = at;
    this.pointed(at);
  }

  #key(event) {
    const last = this.data.xs.length - 1;
    if (last < 0) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (event.key === "Escape") this.#point(null);
    else if (event.key in steps) {
      event.preventDefault();
      this.#point(Math.max(0, Math.min(last, (this.at ?? last + (steps[event.key] < 0 ? 1 : 0)) + steps[event.key])));
    }
  }

  #point(at, quiet = false) {
    this.at = at;
    if (this.plot) {
      this.keyed = true;
      const half = this.data.stacked ? this.look.step / 2 : 0;
      const left = at === null ? -10 : this.plot.valToPos((this.data.xs[at] + half) / 1000, "x");
      this.plot.setCursor({ left, top: at === null ? -10 : 10 });
      this.keyed = false;
    }
    if (!quiet) this.pointed(at);
  }
}
