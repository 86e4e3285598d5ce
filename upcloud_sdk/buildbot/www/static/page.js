/* The page with its two views. */
import { Before } from "./before.js";
import { Now } from "./now.js";
import { Link, h, useColours } from "./parts.js";

const VIEWS = [["now", "Now", "/upcloud"], ["before", "Before", "/upcloud/before"]];

export default function Page({ view }) {
  useColours();
  return h("div", { className: "container uc-page", "data-view": view },
    h("header", { className: "uc-header" },
      h("h1", null, "UpCloud servers"),
      h("nav", { "aria-label": "Views" },
        VIEWS.map(([name, caption, to]) => h(Link, { key: name, to, "aria-current": name === view ? "page" : undefined }, caption)))),
    view === "before" ? h(Before) : h(Now));
}

