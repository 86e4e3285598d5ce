/* The past: one bar per server over the last hours, and the same as a table. */
import { Chart, Legend, moved, zoomed } from "./chart.js";
import { BuildLinks, Document, Filters, Pages, Spans, Table, Uuid, WorkerLink, clock, count, dayAndTime, duration, h, money, useEffect, useState, useWanted } from "./parts.js";

const STATES = { up: "Up", destroyed: "Destroyed", failed: "Failed" };

export function Before() {
  const wanted = useWanted();
  return h(Document, { path: `before.json?${wanted.query}`, every: 15, within: 60, show: (said) => said.servers && h(Servers, { said, wanted }) });
}

function Servers({ said, wanted }) {
  const [chosen, setChosen] = useState(null);
  const hours = Number(wanted.hours) || 6;
  const { servers } = said;
  const last = said.offset ? servers.reduce((latest, server) => Math.max(latest, server.end), said.since + 60) : said.time;
  const all = [said.since, last];
  const range = chosen || fitted(servers, all);
  useEffect(() => setChosen(null), [wanted.query]);
  const shown = servers.filter((server) => server.begin <= range[1] && server.end >= range[0]);
  const phases = new Set(shown.flatMap((server) => server.phases.map((each) => each.phase)));
  const button = (caption, label, next) => h("button", { type: "button", className: "uc-button", "aria-label": label, onClick: () => setChosen(next()) }, caption);
  const columns = [
    { name: "Worker", sort: "worker", at: "a", show: (row) => h(WorkerLink, { name: row.worker, said }) },
    { name: "Builds", sort: "builder", at: "d", show: (row) => h(BuildLinks, { builds: row.builds, said }) },
    { name: "Zone", sort: "zone", show: (row) => row.zone || "–" },
    { name: "Plan", sort: "plan", show: (row) => row.plan || "–" },
    { name: "Asked for", sort: "asked", className: "uc-number", show: (row) => h("span", { title: dayAndTime(row.begin) }, clock(row.begin, hours > 24 ? 90000 : 3600)) },
    { name: "Queue", sort: "queue", className: "uc-number", show: (row) => duration(row.queue, true) },
    { name: "Boot", sort: "boot", className: "uc-number", show: (row) => duration(row.boot, true) },
    { name: "Attach", sort: "attach", className: "uc-number", show: (row) => duration(row.attach, true) },
    { name: "Up for", sort: "up", at: "e", className: "uc-number", show: (row) => duration(row.end - row.begin, true) },
    { name: "Hours", sort: "hours", className: "uc-number", show: (row) => row.hours },
    { name: "Cost", sort: "cost", at: "c", className: "uc-number", show: (row) => (row.uuid ? money(row.cost, row.currency) : "–") },
    { name: "End", sort: "state", at: "b", show: (row) => row.how },
    { name: "Server", sort: "uuid", at: "f", show: (row) => h(Uuid, { uuid: row.uuid, none: row.how === "up" ? "not made yet" : "never made" }) },
  ];
  return h("section", null,
    h("div", { className: "uc-tools" },
      h(Spans, { hours, set: wanted.set }),
      h("div", { role: "group", "aria-label": "Zoom" },
        button("−", "Zoom out", () => zoomed(range, 2, all)), button("+", "Zoom in", () => zoomed(range, 0.5, all)),
        button("◀", "Earlier", () => moved(range, -0.5, all)), button("▶", "Later", () => moved(range, 0.5, all)),
        button("All", "Show all of this time", () => all), button("Fit", "Begin with the first server", () => null))),
    h(Filters, { said, wanted, names: STATES, columns }),
    h(Pages, { said, set: wanted.set }),
    h("p", { className: "uc-muted", role: "status" }, `${count(shown.length, "server", "servers")} from ${dayAndTime(range[0])} to ${dayAndTime(range[1])}.`),
    shown.length > 0 && h(Chart, { servers: shown, range, all, onRange: setChosen }),
    shown.length > 0 && h(Legend, { phases }),
    h("details", { open: true, className: "uc-details" }, h("summary", null, "The same as a table"),
      h(Table, { caption: "Servers over time", columns, wanted, className: "uc-before uc-dense", rows: shown,
        empty: wanted.isFiltered ? "No server in this time is like that." : "No server in this time." })));
}

/* Begin shortly before the first server, so that a new master shows more than a line at the right. */
function fitted(servers, [first, last]) {
  const begin = servers.reduce((least, server) => Math.min(least, server.begin), last - 60);
  return [Math.max(first, begin - 0.03 * (last - begin)), last];
}
