// How windows look on the canvas. Final: solid. Open: hatched bars, dashed lines, hollow points.
// Late payments: a ring. Revised after it was final: a diamond.

import { colour, dashOf } from "./palette.js";

const patterns = new Map();

/** Bars on top of each other, one per window. */
export function drawBars(plot, data, look, theme) {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  const at = (value, scale) => plot.valToPos(value, scale, true);
  for (const x of data.xs) {
    const [left, right] = [at(x / 1000, "x"), at((x + look.step) / 1000, "x")];
    const gap = Math.min(3 * ratio, (right - left) * 0.12);
    const width = Math.max(1, right - left - 2 * gap);
    let [up, down] = [0, 0];
    let marks = { late: false, revised: false };
    for (const row of data.rows) {
      const point = row.points.get(x);
      if (!point || point.value === null) continue;
      marks = { late: marks.late || point.late, revised: marks.revised || point.revised };
      if (point.value === 0) continue;
      const base = point.value < 0 ? down : up;
      const top = base + point.value;
      if (point.value < 0) down = top;
      else up = top;
      const [y0, y1] = [at(base, "y"), at(top, "y")];
      const [y, height] = [Math.min(y0, y1), Math.abs(y1 - y0)];
      const ink = colour(look.slotOf(row.id));
      ctx.fillStyle = point.final ? ink : hatch(ctx, ink, ratio);
      ctx.fillRect(left + gap, y, width, height);
      ctx.lineWidth = ratio;
      ctx.strokeStyle = point.final ? theme.card : ink;
      if (point.final) {
        // A hairline in the card's colour parts neighbours whose colours are close.
        if (height > 4 * ratio) ctx.fillStyle = theme.card, ctx.fillRect(left + gap, y, width, ratio * 0.75);
      } else ctx.strokeRect(left + gap + ratio / 2, y + ratio / 2, width - ratio, Math.max(0, height - ratio));
    }
    mark(ctx, left + gap + width / 2, at(up, "y") - 7 * ratio, marks, theme.strong, ratio, theme.card);
  }
}

/** A line per branch; it breaks where another start begins. */
export function drawLines(plot, data, look, theme) {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  const place = (point) => [plot.valToPos(point.x / 1000, "x", true), plot.valToPos(point.value, "y", true)];
  for (const row of data.rows) {
    const points = data.xs.map((x) => row.points.get(x)).filter((point) => point && point.value !== null);
    const slot = look.slotOf(row.id);
    const ink = colour(slot);
    ctx.strokeStyle = ink;
    ctx.lineWidth = 2 * ratio;
    ctx.lineJoin = "round";
    points.forEach((point, index) => {
      const before = points[index - 1];
      if (!before || breaks(before, point, look)) return;
      ctx.setLineDash((point.final ? dashOf(slot) : [2, 4]).map((length) => length * ratio));
      ctx.beginPath();
      ctx.moveTo(...place(before));
      ctx.lineTo(...place(point));
      ctx.stroke();
    });
    ctx.setLineDash([]);
    points.forEach((point, index) => {
      const [x, y] = place(point);
      const alone = !points[index - 1] || breaks(points[index - 1], point, look);
      const last = index === points.length - 1;
      if (!point.final) dot(ctx, x, y, 3.5 * ratio, ink, theme.card, ratio);
      else if (last || (alone && (!points[index + 1] || breaks(point, points[index + 1], look)))) dot(ctx, x, y, 3 * ratio, ink, ink, ratio);
    });
  }
  // One strip of marks for all lines: on each line they would hide what they are about.
  for (const x of data.xs) {
    const points = data.rows.map((row) => row.points.get(x)).filter(Boolean);
    const marks = { late: points.some(({ late }) => late), revised: points.some(({ revised }) => revised) };
    mark(ctx, plot.valToPos(x / 1000, "x", true), plot.bbox.top - 6 * ratio, marks, theme.strong, ratio, theme.card);
  }
}

function breaks(before, point, look) {
  return look.cumulative ? before.start !== point.start : point.x - before.x > look.step * 1.5;
}

function dot(ctx, x, y, radius, stroke, fill, ratio) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.lineWidth = 1.75 * ratio;
  ctx.strokeStyle = stroke;
  ctx.stroke();
}

function mark(ctx, x, y, { late, revised }, ink, ratio, card) {
  if (revised) {
    const size = 4.5 * ratio;
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.closePath();
    ctx.fillStyle = ink;
    ctx.fill();
  } else if (late) dot(ctx, x, y, 2.5 * ratio, ink, card, ratio);
}

function hatch(ctx, ink, ratio) {
  const key = `${ink}/${ratio}`;
  let made = patterns.get(key);
  if (made) return made;
  const size = Math.round(6 * ratio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const brush = tile.getContext("2d");
  brush.globalAlpha = 0.16;
  brush.fillStyle = ink;
  brush.fillRect(0, 0, size, size);
  brush.globalAlpha = 1;
  brush.strokeStyle = ink;
  brush.lineWidth = 1.5 * ratio;
  brush.beginPath();
  for (const shift of [-size, 0, size]) {
    brush.moveTo(shift - 1, size + 1);
    brush.lineTo(shift + size + 1, -1);
  }
  brush.stroke();
  made = ctx.createPattern(tile, "repeat");
  if (patterns.size > 60) patterns.clear();
  patterns.set(key, made);
  return made;
}
