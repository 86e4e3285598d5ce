/* Loaded by Buildbot's web interface: a menu item and its routes. The page itself is loaded when it is opened. */
(() => {
  "use strict";
  const { React, BuildbotPluginSupport } = window;
  const h = React.createElement;
  const here = new URL(".", document.currentScript.src);

  const failed = (error) => ({
    default: () => h("p", { role: "alert", className: "container" }, `The page of UpCloud servers could not be loaded: ${error.message}`),
  });
  const Page = React.lazy(() => import(new URL("page.js", here).href).catch(failed));
  const show = (view) => () => h(React.Suspense, { fallback: h("p", { className: "container" }, "Loading ...") }, h(Page, { view }));

  const cloud = "M19 18H6a4 4 0 0 1-.6-7.95A6 6 0 0 1 17 8.6 4.7 4.7 0 0 1 19 18z";
  const icon = h("svg", { viewBox: "0 0 24 24", width: "1em", height: "1em", "aria-hidden": true }, h("path", { d: cloud, fill: "currentColor" }));

  BuildbotPluginSupport.buildbotSetupPlugin((register) => {
    register.registerMenuGroup({ name: "upcloud", caption: "UpCloud", icon, order: 6, route: "/upcloud", parentName: null });
    register.registerRoute({ route: "/upcloud", group: "upcloud", element: show("now") });
    for (const view of ["before", "costs", "health"]) {
      register.registerRoute({ route: `/upcloud/${view}`, group: "upcloud", element: show(view) });
    }
    register.registerSettingGroup({
      name: "UpCloud",
      caption: "UpCloud servers",
      items: [{
        type: "choice_combo", name: "colours", caption: "Colours of the page",
        choices: ["as the browser", "light", "dark"], defaultValue: "as the browser",
      }],
    });
  });
})();
