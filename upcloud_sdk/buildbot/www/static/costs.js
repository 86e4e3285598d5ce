/* What servers cost: today, this month and the last one; by day, by builder and by worker. */
import { Columns } from "./chart.js";
import { Document, Name, Table, count, duration, h, sumOf } from "./parts.js";

export const Costs = () => h(Document, { path: "before.json?part=costs", every: 60, within: 60, show: (said) => said.totals && h(Sums, { said }) });

const quantiles = ({ median, p95, of }) => (of ? `${duration(median)} / ${duration(p95)}` : "–");
const paid = (hours) => (hours < 100 ? hours.toFixed(2) : hours.toFixed(0));
const amount = ({ money, unknown }, one, many) => sumOf(money, undefined, unknown && count(unknown, one, many));

function Sums({ said }) {
  return h("div", null,
    h(Totals, { totals: said.totals }),
    h("section", null, h("h2", null, "Hours of this month, by day (UTC)"),
      h(Columns, { label: "Hours by day", unit: "h", names: ["paid", "used by builds"], isDaily: true, points: said.days.map(({ day, paid: most, used }) => ({
        name: day, parts: [{ kind: "building", most, part: Math.min(used, most) }] })) })),
    h("div", { className: "uc-halves" },
      h(By, { of: "builder", rows: said.builders, totals: said.totals, one: "build", many: "builds", rest: said.no_build,
        text: "A build pays for the time in which it holds a server; builds at the same time share it. A build that runs counts when it ends." }),
      h(By, { of: "worker", rows: said.workers, totals: said.totals, one: "hour", many: "hours",
        text: "All hours that began, used or not. Not counted: addresses, traffic, backups." })));
}

function Totals({ totals }) {
  const rows = [
    ["Money", (total) => amount(total, "hour", "hours")],
    ["Hours paid", (total) => total.hours_paid],
    ["Hours used by builds", (total) => paid(total.hours_used)],
    ["Hours idle", (total) => paid(total.hours_idle)],
    ["Servers", (total) => total.servers],
    ["Builds", (total) => total.builds],
    ["Failures", (total) => total.failures],
    ["Time in the queue, median / 95th", (total) => quantiles(total.queue)],
    ["Time to boot, median / 95th", (total) => quantiles(total.boot)],
  ];
  const columns = [
    { name: "", show: (row) => row.name },
    ...totals.map((total) => ({ name: total.name, className: "uc-number", show: (row) => row.show(total) })),
  ];
  return h("section", null, h("h2", null, "Totals"),
    h(Table, { caption: "Totals", columns, className: "uc-totals", rows: rows.map(([name, show]) => ({ key: name, name, show })) }));
}

function By({ of, rows, totals, one, many, rest, text }) {
  const columns = [
    { name: of, show: (row) => (row.others ? `${row.others} others` : row.name === null ? "no build: idle hours, starts that failed" : h(Name, { name: row.name || "not known", most: 34 })) },
    ...totals.map((total, index) => ({ name: total.name, className: "uc-number", show: (row) => amount(row.costs[index], one, many) })),
  ];
  const all = rest && rest.some((each) => each.money.length) ? [...rows, { name: null, costs: rest }] : rows;
  return h("section", null, h("h2", null, `By ${of}`), h("p", { className: "uc-muted" }, text),
    h(Table, { caption: `By ${of}`, columns, className: "uc-totals uc-dense", empty: "Nothing yet.", rows: all.map((row) => ({ key: row.others ? "others" : `${row.name}`, ...row })) }));
}
