/* The present: limits, one row per running server, refreshed every two seconds, and leftovers. */
import { BuildLinks, Document, Filters, Name, PHASES, Pages, Phase, Table, Uuid, WorkerLink, clock, count, dayAndTime, duration, h, money, sumOf, useWanted } from "./parts.js";

export function Now() {
  const wanted = useWanted();
  return h(Document, { path: `now.json?${wanted.query}`, every: 2, show: (said) => h(Servers, { said, wanted }) });
}

function Servers({ said, wanted }) {
  const { servers, left, time } = said;
  const columns = [
    { name: "Worker", sort: "worker", at: "a", show: (row) => h(WorkerLink, { name: row.worker || row.title, said }) },
    { name: "Build", sort: "builder", at: "d", show: (row) => h(BuildLinks, { builds: row.builds, said }) },
    { name: "Zone", sort: "zone", show: (row) => row.zone || "–" },
    { name: "Plan", sort: "plan", show: (row) => h(Plan, { row }) },
    { name: "State", sort: "state", at: "b", show: (row) => h(State, { row }) },
    { name: "Age", sort: "age", at: "e", className: "uc-number", show: (row) => duration(row.age, true) },
    { name: "Paid until", sort: "paid", className: "uc-number", show: (row) => h(PaidUntil, { row, time }) },
    { name: "Cost so far", sort: "cost", at: "c", className: "uc-number", show: (row) => money(row.cost, row.currency) },
    ...(said.masters > 1 || servers.some((server) => server.master !== said.master)
      ? [{ name: "Master", sort: "master", show: (row) => (row.master === said.master ? "this one" : h(Name, { name: row.master || row.owner || "not known", most: 16 })) }] : []),
    { name: "Server", sort: "uuid", at: "f", show: (row) => h(Uuid, { uuid: row.uuid }) },
  ];
  return h("div", null,
    said.limits.map((limit) => h(Limit, { key: `${limit.limit} ${limit.allowed}`, limit })),
    h("p", { className: "uc-headline" },
      h("span", null, h("b", null, said.all), said.all === 1 ? " server is up" : " servers are up"),
      h("span", null, h("b", null, said.left_count), " left over"),
      h("span", null, "An hour of them costs ", h("b", null, sumOf(said.hourly, 4, said.unpriced && count(said.unpriced, "server", "servers"))))),
    // Updated only when it changes, so that refreshes do not interrupt a screen reader.
    h("p", { role: "status", className: "uc-hidden" }, `${count(said.count, "server is", "servers are")} shown.`),
    (said.all > 0 || wanted.isFiltered) && h(Filters, { said, wanted, names: PHASES, columns }),
    h(Table, { caption: "Servers that are up", columns, rows: servers, wanted, className: "uc-now uc-dense",
      empty: said.all ? "No server is like that." : "No server is up. One comes with the next build." }),
    h(Pages, { said, set: wanted.set }),
    h(Left, { left, of: said.left_count, time }));
}

/* --- limits --------------------------------------------------------------------------------------------------------- */

const LIMITS = {
  max_servers: ["Servers at once", "when a server is gone"],
  per_hour: ["Budget of an hour", "when a server is gone"],
  per_month: ["Budget of the month", null],
};

function Limit({ limit: { limit, allowed, spent, claimed, left, wanted, currency, again } }) {
  const [name, when] = LIMITS[limit];
  const written = (amount) => (limit === "max_servers" ? String(amount) : amount.toFixed(2));
  const part = (amount) => `${Math.min(100, (100 * amount) / allowed)}%`;
  return h("div", { className: "uc-limit", "data-limit": limit },
    h("span", null, name),
    h("span", { className: "uc-bar-of", "aria-hidden": true },
      h("span", { className: "uc-building", style: { width: part(spent) } }), h("span", { className: "uc-booting", style: { width: part(claimed) } })),
    h("span", null, `${written(spent)} ${limit === "per_month" ? "spent" : "used"}, ${written(claimed)} claimed, `, h("b", null, `${written(left)} left`),
      ` of ${written(allowed)} ${currency}`,
      left < wanted || left === 0 ? h("b", { className: "uc-full" }, `: builds go on ${when || `on ${dayAndTime(again)}`}`) : null,
      limit === "per_month" && h("small", { className: "uc-muted" }, " Not counted: addresses, traffic, backups")));
}

/* --- cells ---------------------------------------------------------------------------------------------------------- */

function Plan({ row }) {
  if (row.image_age === null) return row.plan || "–";
  return h("span", { title: `${row.image}, ${duration(row.image_age, true)} old` }, row.plan || "–",
    h("small", { className: "uc-muted" }, ` image ${duration(row.image_age, true)}`));
}

function State({ row }) {
  const runs = row.progress !== null && row.progress < 100 && row.phase === "booting";
  return h("span", { title: row.api_state ? `UpCloud says: ${row.api_state}` : undefined },
    h(Phase, { phase: row.phase }, row.state, runs ? ` ${row.progress} %` : null));
}

function PaidUntil({ row, time }) {
  if (row.paid_until === null) return "–";
  return h("span", { title: dayAndTime(row.paid_until) }, `${clock(row.paid_until, 3600)} (${duration(Math.max(60, row.paid_until - time), true)})`);
}

/* --- left over ------------------------------------------------------------------------------------------------------ */

function costOf({ hourly, cost, currency }) {
  if (hourly === null) return "not known";
  return `${money(hourly, currency)} an hour${cost === null ? "" : `, ${money(cost, currency)} so far`}`;
}

function endOf({ kind, reaped_by: by, ends }, time) {
  const what = kind === "disk" ? "deleted" : "destroyed";
  if (by !== null) return by <= time ? `${what} at the reaper's next round` : `${what} by ${clock(by, 3600)}`;
  return `${what} when the reaper of its owner runs${ends === null ? "" : `: its lease ${ends <= time ? "ended" : "ends"} ${dayAndTime(ends)}`}`;
}

export function Left({ left, of, time }) {
  if (!left.length) return null;
  const columns = [
    { name: "What", show: (row) => row.kind },
    { name: "Worker", show: (row) => h(Name, { name: row.worker || "not known" }) },
    { name: "State", show: (row) => row.state },
    { name: "Age", className: "uc-number", show: (row) => duration(row.age, true) },
    { name: "Whose", show: (row) => h(Name, { name: row.owner, most: 22 }) },
    { name: "Cost", show: costOf },
    { name: "What happens", className: "uc-wrap", show: (row) => endOf(row, time) },
    { name: "Uuid", show: (row) => h(Uuid, { uuid: row.uuid }) },
  ];
  return h("section", { className: "uc-left" }, h("h2", null, "Left over"),
    h("p", null, "These servers and disks carry the labels of this SDK, and nobody holds them any more.", of > left.length && ` The first ${left.length} of ${of}.`),
    h(Table, { caption: "Left over", columns, empty: "", rows: left.map((each) => ({ key: `${each.kind} ${each.uuid}`, ...each })) }));
}
