// How far each partition has come, and which one holds windows back, in words.

import { byId, make, setText, sync } from "./element.js";
import { formatCount } from "./decimal.js";
import { nearTime } from "./moment.js";

/** Shows the partitions. @param {import("./figures.js").Figures} figures */
export function renderPartitions({ definitions, partitions, reading }) {
  if (!reading) return;
  const held = definitions[0]?.held_back_by ?? null;
  const watermark = reading.watermark ? nearTime(Date.parse(reading.watermark)) : null;
  const final = watermark ? `Windows that end by ${watermark} are final.` : "No window is final yet.";
  const reason = held ? ` Partition ${held.partition} holds the next ones back: ${held.reason}.` : partitions.length > 0 ? " No partition holds the next ones back." : " No partition is assigned yet.";
  setText(byId("held-back"), final + reason);
  sync(byId("partitions"), partitions, ({ partition }) => partition, ({ partition }) => make("tr", {},
    make("th", { scope: "row", text: partition }),
    ...["", " end", "", ""].map((kind) => make("td", { class: `number${kind}` })),
    make("td", {}, make("span", { class: "state" }))),
  (row, partition) => {
    const [, position, end, lag, mark, state] = row.children;
    setText(position, count(partition.position));
    setText(end, count(partition.end));
    setText(lag, count(partition.lag));
    setText(mark, partition.watermark ? nearTime(Date.parse(partition.watermark)) : "none yet");
    const [kind, words] = stateOf(partition, held);
    state.firstChild.dataset.state = kind;
    setText(state.firstChild, words);
  });
}

function stateOf(partition, held) {
  if (partition.halted) return ["failed", `stopped: ${partition.halted}`];
  if (held?.partition === partition.partition) return ["holds", "holds windows back"];
  if (partition.idle) return ["idle", "idle: does not count"];
  if (partition.lag === null) return ["idle", "not known"];
  return ["ok", partition.lag > 0 ? "reading" : "up to date"];
}

function count(value) {
  return value === null || value === undefined ? "–" : formatCount(value);
}
