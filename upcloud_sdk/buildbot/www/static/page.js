/* The page with its views. */
import { Before } from "./before.js";
import { Costs } from "./costs.js";
import { Health } from "./health.js";
import { Now } from "./now.js";
import { Link, h, useColours } from "./parts.js";

const VIEWS = [
  ["now", "Now", "/upcloud", Now], ["before", "Before", "/upcloud/before", Before],
  ["costs", "Costs", "/upcloud/costs", Costs], ["health", "Health", "/upcloud/health", Health],
];

export default function Page({ view }) {
  useColours();
  return h("div", { className: "container uc-page", "data-view": view },
    h("header", { className: "uc-header" },
      h("h1", null, "UpCloud servers"),
      h("nav", { "aria-label": "Views" },
        VIEWS.map(([name, caption, to]) => h(Link, { key: name, to, "aria-current": name === view ? "page" : undefined }, caption)))),
    h(VIEWS.find(([name]) => name === view)[3]));
}

