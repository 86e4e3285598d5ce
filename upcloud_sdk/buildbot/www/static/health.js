/* How starts go: success by plan, zone and image, times, failures by reason, leftovers. */
import { Columns } from "./chart.js";
import { Left } from "./now.js";
import { BuildLinks, Document, Name, Spans, Table, Uuid, WorkerLink, clock, dayAndTime, duration, h, useWanted } from "./parts.js";

export function Health() {
  const wanted = useWanted();
  const hours = Number(wanted.hours) || 168;
  return h(Document, { path: `before.json?part=health&hours=${hours}`, every: 15, within: 60,
    show: (said) => said.starts && h("div", null,
      h("div", { className: "uc-tools" }, h(Spans, { hours, set: wanted.set })),
      h(Starts, { said }), h(Times, { said }), h(Failures, { said }), h(Left, { left: said.left, of: said.left.length, time: said.time })) });
}

const times = ({ median, p95, of }) => (of ? `${duration(median)} / ${duration(p95)}` : "–");

function Starts({ said }) {
  const rows = Object.entries(said.starts).flatMap(([kind, starts]) => starts.map((each) => ({ key: `${kind} ${each.name}`, kind, ...each })));
  const columns = [
    { name: "By", at: "b", show: (row) => row.kind },
    { name: "Name", at: "a", show: (row) => h(Name, { name: row.name || "not chosen yet", most: 40 }) },
    { name: "Succeeded", at: "c", className: "uc-number", show: (row) => (row.attached + row.failed ? `${Math.floor((100 * row.attached) / (row.attached + row.failed))} %` : "–") },
    { name: "Attached", className: "uc-number", show: (row) => row.attached },
    { name: "Failed", className: "uc-number", show: (row) => h("span", { className: row.failed ? "uc-bad" : undefined }, `${row.failed}`) },
    { name: "Boot, median / 95th", className: "uc-number", show: (row) => times(row.boot) },
    { name: "Attach, median / 95th", className: "uc-number", show: (row) => times(row.attach) },
  ];
  return h("section", null, h("h2", null, "Starts"),
    h(Table, { caption: "Starts", columns, rows, className: "uc-dense", empty: "No server was asked for in this time." }));
}

function Times({ said }) {
  if (!said.times.length) return null;
  const part = (kind, { median, p95 }) => ({ kind, most: p95 || 0, part: median || 0 });
  return h("section", null, h("h2", null, "Seconds until servers were started and attached"),
    h(Columns, { label: "Times of starts", unit: "s", names: ["95th percentile", "median"], kinds: { booting: "started", installing: "attached" },
      points: said.times.map((each) => ({ name: clock(each.time, said.step * 32), parts: [part("booting", each.boot), part("installing", each.attach)] })) }));
}

function Failures({ said }) {
  const columns = [
    { name: "Count", className: "uc-number", show: (row) => row.count },
    { name: "Newest", show: (row) => dayAndTime(row.time) },
    { name: "Worker", show: (row) => h(WorkerLink, { name: row.worker, said }) },
    { name: "Build", show: (row) => h(BuildLinks, { builds: row.builds, said }) },
    { name: "Reason", className: "uc-wrap", show: (row) => h("span", { className: "uc-two-lines", title: row.reason }, row.reason) },
    { name: "Server", show: (row) => h(Uuid, { uuid: row.uuid, none: "never made" }) },
  ];
  return h("section", null, h("h2", null, "Failures"),
    h("p", { className: "uc-muted" }, said.failed ? `${said.failed} in this time, by reason; each row shows the newest.` : ""),
    h(Table, { caption: "Failures", columns, className: "uc-failures", empty: "None in this time.",
      rows: said.failures.map((each, index) => ({ key: `${each.time} ${index}`, ...each })) }));
}
