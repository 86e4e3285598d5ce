/* The past: one bar per server over the last hours, totals, failures, and leftovers. */
import { Chart, Legend, moved, zoomed } from "./chart.js";
import { Left, Notes } from "./now.js";
import { BuildLinks, Table, Uuid, WorkerLink, clock, count, dayAndTime, duration, h, money, sumOf, useDocument, useEffect, useMemo, useState } from "./parts.js";

const EVERY = 15;
const ANSWERS_WITHIN = 60;
const SPANS = [[1, "1 h"], [6, "6 h"], [24, "24 h"], [168, "7 days"]];
const ROWS = 100;

export function Before() {
  const [hours, setHours] = useState(6);
  // Which server is the first of this page, and of each page that is newer.
  const [offsets, setOffsets] = useState([0]);
  const { document: said, problem } = useDocument(`before.json?hours=${hours}&offset=${offsets.at(-1)}`, EVERY, ANSWERS_WITHIN);
  const onHours = (each) => {
    setHours(each);
    setOffsets([0]);
  };
  return h("div", null,
    problem && h("p", { className: "uc-problem", role: "alert" }, problem),
    said ? h(History, { said, hours, setHours: onHours, offsets, setOffsets }) : !problem && h("p", null, "Asking the master ..."));
}

function History({ said, ...chosen }) {
  return h("div", null,
    h(Notes, { notes: said.notes }),
    h(Totals, { totals: said.totals }),
    h(Timeline, { said, ...chosen }),
    h("section", null, h("h2", null, "Failures"),
      said.failed > said.failures.length && h("p", { className: "uc-muted" }, `The newest ${said.failures.length} of ${said.failed}.`),
      h(Failures, { said })),
    said.left.length > 0 && h(Left, { left: said.left, time: said.time }));
}

/* --- totals --------------------------------------------------------------------------------------------------------- */

const quantiles = ({ median, p95, of }) => (of ? `${duration(median)} / ${duration(p95)}` : "–");
const paid = (hours) => (hours < 100 ? hours.toFixed(2) : hours.toFixed(0));

function Totals({ totals }) {
  const rows = [
    ["Servers", (total) => total.servers],
    ["Builds", (total) => total.builds],
    ["Hours paid", (total) => total.hours_paid],
    ["Hours used by builds", (total) => paid(total.hours_used)],
    ["Hours idle", (total) => paid(total.hours_idle)],
    ["Money", (total) => sumOf(total.money, 2, total.hours_unpriced && count(total.hours_unpriced, "hour", "hours"))],
    ["Time in the queue, median / 95th", (total) => quantiles(total.queue)],
    ["Time to boot, median / 95th", (total) => quantiles(total.boot)],
    ["Failures", (total) => total.failures],
  ];
  const columns = [
    { name: "", show: (row) => row.name },
    ...totals.map((total) => ({ name: total.name, className: "uc-number", show: (row) => row.show(total) })),
  ];
  return h("section", null, h("h2", null, "Totals"),
    h(Table, { caption: "Totals", columns, className: "uc-totals", rows: rows.map(([name, show]) => ({ key: name, name, show })) }));
}

/* --- the bars ------------------------------------------------------------------------------------------------------- */

function Timeline({ said, hours, setHours, offsets, setOffsets }) {
  const [chosen, setChosen] = useState(null);
  const [most, setMost] = useState(ROWS);
  const last = said.offset ? said.servers.reduce((latest, server) => Math.max(latest, server.end), said.since + 60) : said.time;
  const all = [said.since, last];
  const range = chosen || fitted(said.servers, all);
  useEffect(() => setChosen(null), [hours, said.offset]);
  const inRange = useMemo(() => said.servers.filter((server) => server.begin <= range[1] && server.end >= range[0]), [said, range[0], range[1]]);
  const servers = inRange.slice(0, most);
  const phases = new Set(servers.flatMap((server) => server.phases.map((each) => each.phase)));
  const button = (caption, label, next) => h("button", { type: "button", className: "uc-button", "aria-label": label, onClick: () => setChosen(next()) }, caption);
  return h("section", null, h("h2", null, "Servers over time"),
    h("div", { className: "uc-tools" },
      h("div", { role: "group", "aria-label": "How far back" }, SPANS.map(([each, name]) => h("button", {
        key: each, type: "button", className: "uc-button", "aria-pressed": each === hours, onClick: () => setHours(each) }, name))),
      h("div", { role: "group", "aria-label": "Zoom" },
        button("−", "Zoom out", () => zoomed(range, 2, all)), button("+", "Zoom in", () => zoomed(range, 0.5, all)),
        button("◀", "Earlier", () => moved(range, -0.5, all)), button("▶", "Later", () => moved(range, 0.5, all)),
        button("All", "Show all of this time", () => all), button("Fit", "Begin with the first server", () => null))),
    said.count > said.servers.length && h(Pages, { said, offsets, setOffsets }),
    h("p", { className: "uc-muted", role: "status" },
      `${count(inRange.length, "server", "servers")} from ${dayAndTime(range[0])} to ${dayAndTime(range[1])}`,
      inRange.length > most ? `; the newest ${most} are shown.` : "."),
    servers.length > 0 && h(Chart, { servers, range, all, onRange: setChosen }),
    servers.length > 0 && h(Legend, { phases }),
    h("details", { open: window.innerWidth > 700, className: "uc-details" }, h("summary", null, "The same as a table"), h(ServerTable, { servers, said })),
    inRange.length > most && h("button", { type: "button", className: "uc-button", onClick: () => setMost(most + ROWS) }, `Show ${Math.min(ROWS, inRange.length - most)} more`));
}

/* A document has a part of many servers. */
function Pages({ said: { servers, offset, count: of }, offsets, setOffsets }) {
  const end = offset + servers.length;
  const button = (caption, next, isOn) => h("button", { type: "button", className: "uc-button", disabled: !isOn, onClick: () => setOffsets(next) }, caption);
  return h("div", { className: "uc-tools", role: "group", "aria-label": "Pages" },
    h("span", null, !servers.length ? `None of ${of} servers` : offset ? `Servers ${offset + 1} to ${end} of ${of}, the newest first` : `The newest ${end} of ${of} servers`),
    h("div", null,
      button("Newer", offsets.slice(0, -1), offsets.length > 1),
      button("Older", [...offsets, end], servers.length > 0 && end < of)));
}

/* Begin shortly before the first server, so that a new master shows more than a line at the right. */
function fitted(servers, [first, last]) {
  const begin = servers.reduce((least, server) => Math.min(least, server.begin), last - 60);
  return [Math.max(first, begin - 0.03 * (last - begin)), last];
}

function ServerTable({ servers, said }) {
  const columns = [
    { name: "Worker", show: (row) => h(WorkerLink, { name: row.worker, said }) },
    { name: "Builds", show: (row) => h(BuildLinks, { builds: row.builds, said }) },
    { name: "Asked for", className: "uc-number", show: (row) => h("span", { title: dayAndTime(row.begin) }, clock(row.begin)) },
    { name: "In the queue", className: "uc-number", show: (row) => duration(row.queue) },
    { name: "To boot", className: "uc-number", show: (row) => duration(row.boot) },
    { name: "To attach", className: "uc-number", show: (row) => duration(row.attach) },
    { name: "Up for", className: "uc-number", show: (row) => duration(row.end - row.begin, true) },
    { name: "Hours paid", className: "uc-number", show: (row) => row.hours },
    { name: "Cost", className: "uc-number", show: (row) => (row.uuid ? money(row.cost, row.currency) : "–") },
    { name: "How it ended", show: (row) => row.how },
    { name: "Server", className: "uc-wide", show: (row) => h(Uuid, { uuid: row.uuid }) },
  ];
  return h(Table, { caption: "Servers over time", columns, className: "uc-before", empty: "No server in this time.",
    rows: servers });
}

/* --- failures ------------------------------------------------------------------------------------------------------- */

function Failures({ said }) {
  const columns = [
    { name: "When", className: "uc-nowrap", show: (row) => dayAndTime(row.time) },
    { name: "Worker", show: (row) => h(WorkerLink, { name: row.worker, said }) },
    { name: "Build", show: (row) => h(BuildLinks, { builds: row.builds, said }) },
    { name: "Reason", className: "uc-wide", show: (row) => row.reason },
  ];
  return h(Table, { caption: "Failures", columns, className: "uc-failures", empty: "None in this time.",
    rows: said.failures.map((each, index) => ({ key: `${each.time} ${index}`, ...each })) });
}
