/* Shared by both views: formats of values, and requests for documents. */
const { React, ReactRouterDOM, BuildbotPluginSupport } = window;
export const h = React.createElement;
export const { useCallback, useEffect, useMemo, useRef, useState } = React;
export const { Link } = ReactRouterDOM;

const HERE = new URL(".", import.meta.url);

export const PHASES = {
  booting: "Booting",
  installing: "Installing its worker",
  building: "Building",
  idle: "Idle",
  stopping: "Stopping",
  failed: "Failed",
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

export const sums = (amounts, digits) => amounts.map(({ amount, currency }) => money(amount, currency, digits)).join(", ") || money(0, "", digits);

/* A sum with unknown parts. `unknown` says how many, such as "2 servers". */
export const sumOf = (amounts, digits, unknown) => [
  (amounts.length > 0 || !unknown) && h("span", { key: "known" }, sums(amounts, digits)),
  unknown ? h("small", { key: "unknown", className: "uc-muted uc-also" }, `${amounts.length ? "+ " : ""}${unknown}: not known`) : null,
];

/* A long name without its middle: names of a pool differ at their ends. */
export const shortened = (name, most) => (name.length > most ? `${name.slice(0, most - Math.ceil(most / 2) - 1)}…${name.slice(-Math.ceil(most / 2))}` : name);

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

/* --- parts ---------------------------------------------------------------------------------------------------------- */

/* `said`: the document, with the ids of builders and workers that have a page. */
export function BuildLinks({ builds, said }) {
  if (!builds.length) return h("span", { className: "uc-muted" }, "none");
  return builds.map((build) => h("span", { key: build.id, className: "uc-build" },
    said.builders[build.builder] && build.number
      ? h(Link, { to: `/builders/${said.builders[build.builder]}/builds/${build.number}` }, `${build.builder} #${build.number}`)
      : build.builder || `build ${build.id}`));
}

export function WorkerLink({ name, said }) {
  return said.workers[name] ? h(Link, { to: `/workers/${said.workers[name]}` }, name) : name || h("span", { className: "uc-muted" }, "not known");
}

export function Uuid({ uuid }) {
  const [isCopied, setCopied] = useState(false);
  if (!uuid) return h("span", { className: "uc-muted" }, "not made yet");
  const copy = async () => {
    await copyText(uuid);
    setCopied(true);
    window.setTimeout(() => setCopied(false), 1500);
  };
  return h("span", { className: "uc-uuid" },
    h("code", { title: uuid }, h("span", { "aria-hidden": true, className: "uc-short" }, uuid.slice(0, 8)), h("span", { className: "uc-full" }, uuid)),
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

/* A table for screen readers, also on a phone, where each row is shown as a block of lines. */
export function Table({ caption, columns, rows, empty, className = "" }) {
  if (!rows.length) return h("p", { className: "uc-muted" }, empty);
  return h("div", { className: "uc-scroll" }, h("table", { className: `uc-table ${className}`, role: "table" },
    h("caption", null, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      columns.map((column) => h("th", { key: column.name, scope: "col", role: "columnheader", className: column.className }, column.name)))),
    h("tbody", { role: "rowgroup" }, rows.map(({ key, ...row }) => h("tr", { key, role: "row", "data-key": key },
      columns.map((column, index) => h(index ? "td" : "th", {
        key: column.name, role: index ? "cell" : "rowheader", scope: index ? undefined : "row",
        className: column.className, "data-label": column.name,
      }, column.show(row))))))));
}

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
