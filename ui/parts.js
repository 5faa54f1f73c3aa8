// The parts of the service, how each is doing, and why.

import { byId, make, setText, sync } from "./element.js";
import { counted, formatCount } from "./decimal.js";
import { dateTime, span, took } from "./moment.js";

const NAMES = { source: "Kafka", store: "State on disk", sink: "Elasticsearch" };
const WORDS = { ok: "working", starting: "starting", degraded: "degraded, retries by itself", failed: "stopped: needs an operator" };
const LATENCIES = { freshness: "Payment visible after", checkpoint: "Writing a checkpoint", bulk: "Request to Elasticsearch", answer: "HTTP answer" };

/** Shows the parts. @param {import("./figures.js").Figures} figures */
export function renderParts({ status }) {
  if (!status) return;
  const parts = Object.entries(status.parts).map(([name, part]) => ({ name, ...part }));
  if (!status.parts.sink) parts.push({ name: "sink", state: "absent", reason: "" });
  sync(byId("parts"), parts, ({ name }) => name, ({ name }) => make("div", { class: "part", dataset: { part: name } },
    make("dt", { text: NAMES[name] ?? name }), make("dd", {}, make("span", { class: "state" }), make("p", { class: "reason" }))),
  (node, { name, state, reason }) => {
    const [word, why] = node.querySelector("dd").children;
    word.dataset.state = state === "absent" ? "idle" : state;
    setText(word, state === "absent" ? "not configured" : WORDS[state] ?? state);
    setText(why, reason || (name === "sink" && state === "ok" ? waiting(status.dirty_documents) : ""));
  });
  const notices = status.notices ?? {};
  const facts = [
    ["Version", status.version],
    ["Up for", span(status.uptime_s * 1000)],
    ["Generation", status.reading ? String(status.reading.generation) : "unknown"],
    ["Last checkpoint", status.last_checkpoint ? `${formatCount(status.last_checkpoint.sequence)}, ${dateTime(Date.parse(status.last_checkpoint.as_of))}` : "none"],
    ...[["rounded", "Amounts rounded"], ["skipped_local_times", "Times a clock change skipped"], ["repeated_local_times", "Times a clock change repeated"], ["unnamed_branches", "Payments of unnamed branches"], ["unreal_timestamps", "Record timestamps that can't be real"], ["times_like_seconds", "Times that look like seconds"]]
      .filter(([key]) => notices[key] > 0)
      .map(([key, words]) => [words, formatCount(notices[key])]),
    ...(status.remarks?.length ? [["Remarks", status.remarks.join(". ")]] : []),
  ];
  sync(byId("service"), facts, ([name]) => name, ([name]) => make("div", {}, make("dt", { text: name }), make("dd")),
    (node, [, value]) => setText(node.lastChild, value));
  renderLatencies(status.latencies ?? {});
}

function renderLatencies(latencies) {
  const measured = Object.entries(latencies).filter(([, latency]) => latency.count > 0);
  byId("latencies-table").hidden = measured.length === 0;
  sync(byId("latencies"), measured, ([name]) => name, ([name]) => make("tr", {},
    make("th", { scope: "row", text: LATENCIES[name] ?? name }), ...[1, 2, 3].map(() => make("td", { class: "number" }))),
  (node, [, { p50_ms, p99_ms, max_ms }]) => {
    [p50_ms, p99_ms, max_ms].forEach((ms, index) => setText(node.children[index + 1], took(ms)));
  });
}

/** What is wrong with parts, for the top of the page: what has stopped first, then what records come from; null when all is well. */
export function worstPart(status) {
  const parts = Object.keys(NAMES).filter((name) => status?.parts?.[name]).map((name) => ({ name, ...status.parts[name] }));
  const bad = ["failed", "degraded"].flatMap((state) => parts.filter((part) => part.state === state));
  if (bad.length === 0) return null;
  const words = ({ name, state, reason }) => `${NAMES[name]} ${state === "failed" ? "has stopped" : "is in trouble"}${reason ? `: ${reason}` : ""}`;
  return { state: bad[0].state, words: bad.map(words).join(". ") };
}

/** Whether Kafka answers: while it does not, figures stand still and the lag is unknown. */
export function knowsKafka(status) {
  return status?.parts?.source?.state === "ok";
}

function waiting(documents) {
  return documents === 0 ? "every document is delivered" : `${counted(documents ?? 0, "document")} ${documents === 1 ? "waits" : "wait"} for delivery`;
}
