/* Shared by both views: formats of values, and requests for documents. */
const { React, ReactRouterDOM, BuildbotPluginSupport } = window;
export const h = React.createElement;
export const { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } = React;
export const { Link, useSearchParams } = ReactRouterDOM;

const HERE = new URL(".", import.meta.url);

export const PHASES = {
  booting: "Booting",
  installing: "Installing its worker",
  building: "Building",
  idle: "Idle",
  stopping: "Stopping",
  failed: "Failed",
  other: "Other",
};

/* --- how values are written ----------------------------------------------------------------------------------------- */

export function duration(seconds, isRough = false) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return seconds < 10 && seconds % 1 ? `${Math.max(0, seconds).toFixed(1)} s` : `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return isRough ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function clock(time, within = 0) {
  const moment = new Date(time * 1000);
  const options = within > 86400 ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }
    : within > 600 ? { hour: "2-digit", minute: "2-digit" } : { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return new Intl.DateTimeFormat(undefined, { hourCycle: "h23", ...options }).format(moment);
}

export function dayAndTime(time) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" }).format(new Date(time * 1000));
}

export function money(amount, currency, digits = 4) {
  if (amount === null || amount === undefined) return "not known";
  return `${amount.toFixed(digits)}${currency ? ` ${currency}` : ""}`;
}

export const sums = (amounts, digits) => amounts.map(({ amount, currency }) => money(amount, currency, digits ?? (amount < 1 ? 4 : 2))).join(", ") || "0";

/* A sum with unknown parts. `unknown` says how many, such as "2 servers". */
export const sumOf = (amounts, digits, unknown) => [
  (amounts.length > 0 || !unknown) && h("span", { key: "known" }, sums(amounts, digits)),
  unknown ? h("small", { key: "unknown", className: "uc-muted uc-also" }, `${amounts.length ? "+ " : ""}${unknown}: not known`) : null,
];

/* A long name without its middle: names of a pool differ at their ends. */
export const shortened = (name, most) => (name.length > most ? `${name.slice(0, most - Math.ceil(most / 2) - 1)}…${name.slice(-Math.ceil(most / 2))}` : name);

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

/* --- parts ---------------------------------------------------------------------------------------------------------- */

/* A foreign name on one line. A long one is cut in the middle; its title has it whole. */
export function Name({ name, most = 24, onPhone = most }) {
  const short = shortened(name, window.innerWidth > 700 ? most : onPhone);
  if (short === name) return h("bdi", null, name);
  return h("bdi", { title: name }, h("span", { "aria-hidden": true }, short), h("span", { className: "uc-hidden" }, name));
}

/* `said`: the document, with the ids of builders and workers that have a page. */
export function BuildLinks({ builds, said }) {
  if (!builds.length) return h("span", { className: "uc-muted" }, "none");
  const build = builds.at(-1);
  const text = [h(Name, { key: "name", name: build.builder || `build ${build.id}`, most: 20, onPhone: 12 }), build.number ? ` #${build.number}` : ""];
  const others = builds.slice(0, -1).map((each) => `${each.builder} #${each.number}`).join(", ");
  return [
    said.builders[build.builder] && build.number
      ? h(Link, { key: "link", to: `/builders/${said.builders[build.builder]}/builds/${build.number}` }, text)
      : h("span", { key: "text" }, text),
    others && h("small", { key: "others", className: "uc-muted", title: others }, ` +${builds.length - 1}`)];
}

export function WorkerLink({ name, said }) {
  const text = h(Name, { name, onPhone: 16 });
  return said.workers[name] ? h(Link, { to: `/workers/${said.workers[name]}` }, text) : name ? text : h("span", { className: "uc-muted" }, "not known");
}

export function Uuid({ uuid, none = "not made yet" }) {
  const [isCopied, setCopied] = useState(false);
  if (!uuid) return h("span", { className: "uc-muted" }, none);
  const copy = async () => {
    await copyText(uuid);
    setCopied(true);
    window.setTimeout(() => setCopied(false), 1500);
  };
  return h("span", { className: "uc-uuid" },
    h("code", { title: uuid }, h("span", { "aria-hidden": true }, uuid.slice(0, 8)), h("span", { className: "uc-hidden" }, uuid)),
    h("button", { type: "button", className: "uc-button", onClick: copy, "aria-label": `Copy uuid ${uuid}` }, isCopied ? "copied" : "copy"));
}

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers offer no clipboard to a page over plain HTTP.
  const area = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/* A table for screen readers, also on a phone, where a row has the two lines of its cells at "a" to "f", and the others
   when it is touched. A column with `sort` orders the document. */
export function Table({ caption, columns, rows, empty, className = "", wanted }) {
  if (!rows.length) return h("p", { className: "uc-muted" }, empty);
  return h("div", { className: "uc-scroll" }, h("table", { className: `uc-table ${className}`, role: "table" },
    h("caption", null, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((column) => h(Heading, { key: column.name, column, wanted })))),
    h("tbody", { role: "rowgroup" }, rows.map(({ key, ...row }) => h("tr", { key, role: "row", "data-key": key, tabIndex: -1 },
      columns.map((column, index) => h(index ? "td" : "th", {
        key: column.name, role: index ? "cell" : "rowheader", scope: index ? undefined : "row",
        className: `${column.className || ""} ${column.at ? `uc-at-${column.at}` : "uc-more"}`, "data-label": column.name,
      }, column.show(row))))))));
}

function Heading({ column: { name, sort, className }, wanted }) {
  if (!sort) return h("th", { scope: "col", role: "columnheader", className }, name);
  const order = wanted.sort === sort ? "ascending" : wanted.sort === `-${sort}` ? "descending" : undefined;
  const next = { ascending: `-${sort}`, descending: "" }[order] ?? sort;
  return h("th", { scope: "col", role: "columnheader", className, "aria-sort": order },
    h("button", { type: "button", className: "uc-sort", onClick: () => wanted.set({ sort: next }) }, name,
      order && h("span", { "aria-hidden": true }, order === "ascending" ? " ▲" : " ▼")));
}

/* --- which servers -------------------------------------------------------------------------------------------------- */

const WANTED = ["state", "worker", "builder", "zone", "plan", "sort", "offset", "hours"];

/* What is asked for is in the page's address, so that a view can be sent to somebody. */
export function useWanted() {
  const [parameters, setParameters] = useSearchParams();
  const wanted = Object.fromEntries(WANTED.map((name) => [name, parameters.get(name) || ""]));
  const set = (changes) => {
    const next = { ...wanted, offset: "", ...changes };
    setParameters(new URLSearchParams(WANTED.filter((name) => next[name]).map((name) => [name, next[name]])), { replace: true });
  };
  const query = new URLSearchParams(WANTED.filter((name) => wanted[name]).map((name) => [name, wanted[name]])).toString();
  return { ...wanted, query, set, isFiltered: ["state", "worker", "builder", "zone", "plan"].some((name) => wanted[name]) };
}

const EVERY_ONE = { builder: "every builder", zone: "every zone", plan: "every plan" };

/* Groups by state with counts, and filters. `names`: those of the states. */
export function Filters({ said, wanted, names, columns }) {
  const { set } = wanted;
  const of = Object.values(said.states).reduce((sum, each) => sum + each, 0);
  const group = (state, text, number) => h("button", {
    key: state, type: "button", className: "uc-button", "aria-pressed": wanted.state === state, onClick: () => set({ state }) },
  state && PHASES[state] && h("span", { className: `uc-swatch uc-${state}`, "aria-hidden": true }), `${text} `, h("b", null, number));
  const shown = Object.keys(names).filter((state) => said.states[state] || wanted.state === state);
  const sorts = columns.filter((column) => column.sort);
  return h("div", { className: "uc-tools" },
    h("div", { role: "group", "aria-label": "States" }, group("", "All", of), shown.map((state) => group(state, names[state], said.states[state] || 0))),
    h("div", { role: "group", "aria-label": "Filters", className: "uc-filters" },
      h("input", { type: "search", placeholder: "worker", "aria-label": "Part of a worker's name", value: wanted.worker, onChange: (event) => set({ worker: event.target.value }) }),
      Object.entries(EVERY_ONE).map(([name, every]) => h("select", {
        key: name, "aria-label": every, value: wanted[name], onChange: (event) => set({ [name]: event.target.value }) },
      h("option", { value: "" }, every),
      [...new Set([...said.choices[name], ...(wanted[name] ? [wanted[name]] : [])])].map((each) => h("option", { key: each, value: each, title: each }, shortened(each, 32))))),
      h("select", { className: "uc-phone", "aria-label": "Order", value: wanted.sort, onChange: (event) => set({ sort: event.target.value }) },
        h("option", { value: "" }, "usual order"),
        sorts.flatMap(({ name, sort }) => [["▲", sort], ["▼", `-${sort}`]].map(([mark, value]) => h("option", { key: value, value }, `${name} ${mark}`)))),
      wanted.isFiltered && h("button", { type: "button", className: "uc-button", onClick: () => set({ state: "", worker: "", builder: "", zone: "", plan: "" }) }, "Show all")));
}

/* A document has a part of many servers. */
export function Pages({ said: { servers, offset, most, count: of }, set }) {
  if (of <= servers.length) return null;
  const end = offset + servers.length;
  const button = (caption, next, isOn) => h("button", { type: "button", className: "uc-button", disabled: !isOn, onClick: () => set({ offset: next || "" }) }, caption);
  return h("div", { className: "uc-tools", role: "group", "aria-label": "Pages" },
    h("span", null, servers.length ? `${offset + 1} to ${end} of ${of} servers` : `none of ${of} servers`),
    h("div", null, button("Back", Math.max(0, offset - most), offset > 0), button("On", end, servers.length > 0 && end < of)));
}

const SPANS = [[1, "1 h"], [6, "6 h"], [24, "24 h"], [168, "7 days"], [744, "31 days"]];

export const Spans = ({ hours, set }) => h("div", { role: "group", "aria-label": "How far back" }, SPANS.map(([each, name]) => h("button", {
  key: each, type: "button", className: "uc-button", "aria-pressed": each === hours, onClick: () => set({ hours: String(each) }) }, name)));

export function Phase({ phase, children }) {
  return h("span", { className: "uc-phase" }, h("span", { className: `uc-swatch uc-${phase}`, "aria-hidden": true }), children);
}

/* --- documents ------------------------------------------------------------------------------------------------------ */

class Refused extends Error {}

async function ask(path, ended, withinSeconds) {
  const signal = AbortSignal.any([ended, AbortSignal.timeout(withinSeconds * 1000)]);
  let answer;
  let text;
  try {
    answer = await fetch(new URL(path, HERE), { signal, credentials: "same-origin", cache: "no-store" });
    text = await answer.text();
  } catch (error) {
    if (ended.aborted) throw error;
    throw new Error("The master does not answer. What is shown is what it said last.");
  }
  if (answer.status === 401 || answer.status === 403) {
    throw new Refused(`You may not see builds on this master, and so not its servers: ${text}`);
  }
  if (!answer.ok) throw new Error(`The master answered with an error (HTTP ${answer.status}). Its twistd.log says more.`);
  return JSON.parse(text);
}

/* The document of a path, requested repeatedly while the page is visible. */
export function useDocument(path, everySeconds, withinSeconds = 10) {
  const [found, setFound] = useState({ document: null, problem: null });
  useEffect(() => {
    const abort = new AbortController();
    let timer;
    let isAsking = false;
    const round = async () => {
      window.clearTimeout(timer);
      if (isAsking) return;
      isAsking = true;
      try {
        if (!document.hidden) {
          const said = await ask(path, abort.signal, withinSeconds);
          setFound({ document: said, problem: null });
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        setFound((before) => ({ document: error instanceof Refused ? null : before.document, problem: error.message }));
      } finally {
        isAsking = false;
      }
      if (!abort.signal.aborted) timer = window.setTimeout(round, everySeconds * 1000);
    };
    document.addEventListener("visibilitychange", round);
    round();
    return () => {
      abort.abort();
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", round);
    };
  }, [path, everySeconds, withinSeconds]);
  return found;
}

/* A view of a document: its notes, and when it was made. Notes are one for each cause. */
export function Document({ path, every, within, show }) {
  const { document: said, problem } = useDocument(path, every, within);
  const notes = said ? [...said.notes, ...(said.problem ? [said.problem] : [])] : [];
  return h("div", null,
    problem && h("p", { className: "uc-problem", role: "alert" }, problem),
    notes.map((note) => h("p", { key: note, className: "uc-note" }, note)),
    said ? h(React.Fragment, null,
      h("p", { className: problem ? "uc-note" : "uc-muted uc-as-of" }, "As of ", h("time", { "data-time": said.time }, clock(said.time)),
        problem ? ", and not refreshed since." : `, refreshed every ${every} seconds.`),
      !said.problem && show(said)) : !problem && h("p", null, "Asking the master ..."));
}

/* --- colours -------------------------------------------------------------------------------------------------------- */

const DARK = "(prefers-color-scheme: dark)";

/* Whether the background of an element is dark: that of its first ancestor with a colour. */
function isOnDark(element) {
  for (let each = element; each; each = each.parentElement) {
    const [red, green, blue, alpha = 1] = (getComputedStyle(each).backgroundColor.match(/[\d.]+/g) || []).map(Number);
    if (alpha > 0) return 0.3 * red + 0.59 * green + 0.11 * blue < 96;
  }
  return false;
}

/* Dark if the user chose it in Buildbot's settings or in the browser, or if Buildbot itself is dark. */
export function useColours() {
  useEffect(() => {
    const query = window.matchMedia(DARK);
    const apply = () => {
      delete document.body.dataset.upcloud;
      const chosen = BuildbotPluginSupport.buildbotGetSettings().getChoiceComboSetting("UpCloud.colours");
      const dark = chosen === "dark" || (chosen !== "light" && (query.matches || isOnDark(document.querySelector(".content"))));
      document.body.dataset.upcloud = dark ? "dark" : "light";
    };
    apply();
    query.addEventListener("change", apply);
    return () => {
      query.removeEventListener("change", apply);
      delete document.body.dataset.upcloud;
    };
  }, []);
}
