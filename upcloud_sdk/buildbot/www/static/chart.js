/* One bar per server over time, by phase. A table beside it has the same data for screen readers. */
import { PHASES, clock, dayAndTime, duration, h, shortened, useLayoutEffect, useRef, useState } from "./parts.js";

const ROW = 18;
const AXIS = 24;
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800];
const LEAST = 5;

/* Convert times to positions on the chart, and back. */
function scale([begin, end], left, width) {
  const pixels = Math.max(1, width - left) / Math.max(0.001, end - begin);
  return { x: (time) => left + (time - begin) * pixels, time: (x) => begin + (x - left) / pixels };
}

function marks([begin, end], most) {
  const step = STEPS.find((each) => (end - begin) / each <= most) || 604800;
  // In local time, so that periods of six hours begin at 06:00.
  const shift = new Date(begin * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let mark = Math.ceil((begin - shift) / step) * step + shift; mark <= end; mark += step) found.push(mark);
  return found;
}

function useWidth(ref) {
  const [width, setWidth] = useState(800);
  useLayoutEffect(() => {
    const fit = () => setWidth(Math.max(200, ref.current.clientWidth));
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return width;
}

export function zoomed([begin, end], factor, all) {
  const middle = (begin + end) / 2;
  const half = Math.max(LEAST, (end - begin) * factor) / 2;
  return clamped([middle - half, middle + half], all);
}

export function moved([begin, end], part, all) {
  const by = (end - begin) * part;
  return clamped([begin + by, end + by], all);
}

function clamped([begin, end], [first, last]) {
  const span = Math.min(end - begin, last - first);
  const from = Math.min(Math.max(begin, first), last - span);
  return [from, from + span];
}

export function Chart({ servers, range, all, onRange }) {
  const box = useRef(null);
  const width = useWidth(box);
  const [dragged, setDragged] = useState(null);
  const isNarrow = width < 560;
  const left = isNarrow ? 0 : 150;
  const row = isNarrow ? ROW * 1.9 : ROW;
  const { x, time } = scale(range, left, width - 1);
  const height = AXIS + servers.length * row + 6;

  const at = (event) => Math.min(Math.max(time(event.clientX - box.current.getBoundingClientRect().left), range[0]), range[1]);
  const pointer = {
    // By mouse only: touch scrolls the page, and can use the buttons.
    onPointerDown: (event) => {
      if (event.pointerType !== "mouse" || event.button) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      setDragged([at(event), at(event)]);
    },
    onPointerMove: (event) => dragged && setDragged([dragged[0], at(event)]),
    onPointerUp: () => {
      if (!dragged) return;
      const [begin, end] = [Math.min(...dragged), Math.max(...dragged)];
      setDragged(null);
      if (x(end) - x(begin) > 6) onRange(zoomed([begin, end], 1, all));
    },
    onPointerCancel: () => setDragged(null),
    onDoubleClick: () => onRange(all),
  };
  const keys = {
    ArrowLeft: () => moved(range, -0.2, all), ArrowRight: () => moved(range, 0.2, all),
    "+": () => zoomed(range, 0.5, all), "-": () => zoomed(range, 2, all), 0: () => all,
  };
  const onKeyDown = (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onRange(keys[event.key]());
  };
  return h("div", { ref: box, className: "uc-chart", tabIndex: 0, onKeyDown, role: "group",
    "aria-label": "Servers over time. Arrow keys move, plus and minus zoom, 0 shows all. The table below has the same." },
    h("svg", { width, height, "aria-hidden": true, ...pointer },
      marks(range, isNarrow ? 4 : 8).map((mark) => h("g", { key: mark, className: "uc-mark" },
        h("line", { x1: x(mark), x2: x(mark), y1: AXIS - 6, y2: height }),
        h("text", { x: Math.min(Math.max(x(mark), left + 26), width - 26), y: AXIS - 10, textAnchor: "middle" }, clock(mark, range[1] - range[0])))),
      servers.map((server, index) => h(Bar, { key: server.uuid || server.key, server, range, x, y: AXIS + index * row, isNarrow, left, row })),
      dragged && h("rect", { className: "uc-dragged", x: x(Math.min(...dragged)), width: Math.abs(x(dragged[1]) - x(dragged[0])), y: 0, height })));
}

function Bar({ server, range, x, y, isNarrow, left, row }) {
  const [begin, end] = range;
  const top = isNarrow ? y + ROW * 0.8 : y + 2;
  const seen = server.phases.filter((each) => each.to >= begin && each.from <= end);
  return h("g", { className: "uc-bar", "data-uuid": server.uuid },
    h("line", { className: "uc-lane", x1: 0, x2: x(end), y1: y + row, y2: y + row }),
    h("text", { className: "uc-name", x: isNarrow ? 2 : left - 10, y: isNarrow ? y + ROW * 0.65 : y + 13, textAnchor: isNarrow ? "start" : "end" },
      h("title", null, server.worker), shortened(server.worker, 22)),
    seen.map((each, index) => {
      const from = x(Math.max(each.from, begin));
      const to = x(Math.min(each.to, end));
      return h("rect", { key: index, className: `uc-${each.phase}`, x: from, width: Math.max(1.5, to - from - 1), y: top, height: ROW - 6, rx: 1.5 },
        h("title", null, `${server.worker}: ${PHASES[each.phase]}, ${duration(each.to - each.from)}, from ${dayAndTime(each.from)}`));
    }));
}

export function Legend({ phases }) {
  return h("ul", { className: "uc-legend" }, Object.entries(PHASES).filter(([phase]) => phases.has(phase)).map(([phase, name]) => h("li", { key: phase },
    h("span", { className: `uc-swatch uc-${phase}`, "aria-hidden": true }), name)));
}

/* Columns over time: each has a part, in full colour, of its most. A hidden table has the same for screen readers. */
export function Columns({ label, unit, names, points, kinds = { building: "" }, isDaily = false }) {
  const box = useRef(null);
  const width = useWidth(box);
  const height = 150;
  const left = 44;
  const top = Math.max(1, ...points.flatMap((point) => point.parts.map((part) => part.most)));
  const slot = Math.min(60, (width - left) / Math.max(1, points.length));
  const wide = Math.max(1, (slot - 2) / points.reduce((most, point) => Math.max(most, point.parts.length), 1));
  const y = (value) => 8 + (height - 28) * (1 - value / top);
  const every = Math.ceil((isDaily ? 48 : 100) / slot);
  const written = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
  return h("div", { ref: box, className: "uc-columns" },
    h("svg", { width, height, "aria-hidden": true },
      [0, top / 2, top].map((value) => h("g", { key: value, className: "uc-mark" },
        h("line", { x1: left, x2: width, y1: y(value), y2: y(value) }),
        h("text", { x: left - 6, y: y(value) + 4, textAnchor: "end" }, `${written(value)} ${unit}`))),
      points.map((point, index) => h("g", { key: point.name, transform: `translate(${left + index * slot + 1} 0)` },
        h("title", null, `${point.name}: ${point.parts.map((part) => `${kinds[part.kind]} ${names[0]} ${written(part.most)} ${unit}, ${names[1]} ${written(part.part)} ${unit}`).join("; ")}`),
        point.parts.map((part, number) => h("g", { key: part.kind },
          h("rect", { className: `uc-${part.kind}`, fillOpacity: 0.35, x: number * wide, width: Math.max(1, wide - 1), y: y(part.most), height: y(0) - y(part.most) }),
          h("rect", { className: `uc-${part.kind}`, x: number * wide, width: Math.max(1, wide - 1), y: y(part.part), height: y(0) - y(part.part) }))),
        index % every === 0 && h("text", { x: 0, y: height - 4 }, isDaily ? point.name.slice(5) : point.name)))),
    h("ul", { className: "uc-legend", "aria-hidden": true }, Object.entries(kinds).flatMap(([kind, name]) => names.map((each, index) => h("li", { key: kind + each },
      h("span", { className: `uc-swatch uc-${kind}`, style: index ? undefined : { opacity: 0.35 } }), `${name} ${each}`.trim())))),
    h("div", { className: "uc-hidden" }, h("table", null, h("caption", null, label),
      h("tbody", null, points.map((point) => h("tr", { key: point.name }, h("th", { scope: "row" }, point.name),
        point.parts.flatMap((part) => [part.most, part.part].map((value, index) => h("td", { key: `${part.kind}${index}` }, `${kinds[part.kind]} ${names[index]}: ${written(value)} ${unit}`)))))))));
}
