/* The present: one row per running server, refreshed every two seconds, and leftovers. */
import { BuildLinks, Phase, Table, Uuid, WorkerLink, clock, count, dayAndTime, duration, h, money, sumOf, useDocument } from "./parts.js";

const EVERY = 2;

export function Now() {
  const { document: said, problem } = useDocument("now.json", EVERY);
  return h("div", null,
    problem && h("p", { className: "uc-problem", role: "alert" }, problem),
    said ? h(Servers, { said, isOld: problem !== null }) : !problem && h("p", null, "Asking the master ..."));
}

function Servers({ said, isOld }) {
  const { servers, left, time } = said;
  const hasOthers = servers.some((server) => server.master !== said.master);
  const columns = [
    { name: "Worker", show: (row) => h(WorkerLink, { name: row.worker || row.title, said }) },
    { name: "Build", show: (row) => h(BuildLinks, { builds: row.builds, said }) },
    { name: "Zone", className: "uc-nowrap", show: (row) => row.zone || "–" },
    { name: "Plan", show: (row) => h(Plan, { row }) },
    { name: "State", show: (row) => h(State, { row }) },
    { name: "Age", className: "uc-number", show: (row) => duration(row.age) },
    { name: "Paid until", className: "uc-number", show: (row) => h(PaidUntil, { row, time }) },
    { name: "Cost so far", className: "uc-number", show: (row) => money(row.cost, row.currency) },
    ...(hasOthers ? [{ name: "Master", className: "uc-master", show: (row) => (row.master === said.master ? "this one" : row.master || row.owner || "not known") }] : []),
    { name: "Server", className: "uc-wide", show: (row) => h(Uuid, { uuid: row.uuid }) },
  ];
  return h("div", null,
    h(Notes, { notes: said.notes }),
    h("dl", { className: "uc-figures" },
      h(Figure, { name: "Servers", value: String(servers.length) }),
      h(Figure, { name: "Building", value: String(servers.filter((server) => server.phase === "building").length) }),
      h(Figure, { name: "An hour costs now", value: sumOf(said.hourly, 4, said.unpriced && count(said.unpriced, "server", "servers")) }),
      h(Figure, { name: "Left over", value: String(left.length) })),
    h("p", { className: isOld ? "uc-note" : "uc-muted" }, "As of ", h("time", { "data-time": time }, clock(time)),
      isOld ? ", and not refreshed since." : ", refreshed every two seconds."),
    // Updated only when it changes, so that refreshes do not interrupt a screen reader.
    h("p", { role: "status", className: "uc-hidden" }, `${count(servers.length, "server is", "servers are")} up.`),
    h(Table, { caption: "Servers that are up", columns, rows: servers, empty: "No server is up. One comes with the next build.", className: "uc-now" }),
    left.length > 0 && h(Left, { left, time }));
}

function Plan({ row }) {
  if (row.image_age === null) return row.plan || "–";
  return h("span", { title: row.image }, row.plan || "–",
    h("div", { className: "uc-muted" }, `image ${duration(row.image_age, true)} old`));
}

function State({ row }) {
  const runs = row.progress !== null && row.progress < 100 && row.phase === "booting";
  return h("span", { className: "uc-state", title: row.api_state ? `UpCloud says: ${row.api_state}` : undefined },
    h(Phase, { phase: row.phase }, row.state),
    runs && h("progress", { max: 100, value: row.progress, "aria-label": `${row.state}, ${row.worker}` }),
    runs && h("span", { className: "uc-muted" }, `${row.progress} %`));
}

function PaidUntil({ row, time }) {
  if (row.paid_until === null) return "–";
  return h("span", { title: dayAndTime(row.paid_until) }, `${clock(row.paid_until, 3600)} (${duration(Math.max(60, row.paid_until - time), true)})`);
}

function costOf({ hourly, cost, currency }) {
  if (hourly === null) return "not known";
  return `${money(hourly, currency)} an hour${cost === null ? "" : `, ${money(cost, currency)} so far`}`;
}

export function Left({ left, time }) {
  const columns = [
    { name: "What", show: (row) => row.kind },
    { name: "Worker", show: (row) => row.worker || "not known" },
    { name: "State", show: (row) => row.state },
    { name: "Whose", show: (row) => row.owner },
    { name: "Cost", show: costOf },
    { name: "Its lease ends", show: (row) => (row.ends === null ? "not known" : dayAndTime(row.ends)) },
    { name: "Reaped", show: (row) => (row.reaped_by === null ? "when the reaper of its owner runs" : row.reaped_by <= time ? "at the next round" : `by ${clock(row.reaped_by, 3600)}`) },
    { name: "Uuid", className: "uc-wide", show: (row) => h(Uuid, { uuid: row.uuid }) },
  ];
  return h("section", { className: "uc-left" }, h("h2", null, "Left over"),
    h("p", null, "These servers and disks carry the labels of this SDK, and nobody holds them any more."),
    h(Table, { caption: "Left over", columns, empty: "", rows: left.map((each) => ({ key: `${each.kind} ${each.uuid}`, ...each })) }));
}

export const Notes = ({ notes }) => notes.map((note) => h("p", { key: note, className: "uc-note" }, note));

const Figure = ({ name, value }) => h("div", null, h("dt", null, name), h("dd", null, value));
