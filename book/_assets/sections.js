// A chapter has up to 20,000 elements, most of them in formulas, and a phone takes seconds to lay them out. So the
// sections below the first screen are laid out when they come near, or when the browser has nothing else to do after the
// reader has begun. The head of the page decides whether (layout.html): not where a place of the page is asked for.
(() => {
  const root = document.documentElement;
  const BOXES = "pre, .nboutput > .output_area, .cell_output > .output, .jp-RenderedHTMLCommon, .pst-scrollable-table-container";

  // What scrolls within itself can be reached by the keyboard. All sizes are read before anything is changed: one
  // layout, where the theme's own script asked for one for every box.
  const reach = (within) => {
    const boxes = [...within.querySelectorAll(BOXES)].filter((e) => e.checkVisibility?.({ contentVisibilityAuto: true }) ?? true);
    const scrolls = boxes.map((e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight);
    boxes.forEach((e, k) => (e.tabIndex = scrolls[k] ? 0 : -1));
  };
  // After a picture of the page has been drawn its sizes are known.
  const reachAll = () => requestAnimationFrame(() => setTimeout(() => reach(document)));
  let waiting = 0;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(reachAll, 300);
  };
  window.addEventListener("resize", later);
  document.addEventListener("toggle", later, true); // what was folded had no size
  const main = document.getElementById("main-content");
  if (main) new MutationObserver(later).observe(main, { subtree: true, childList: true });
  if (document.readyState === "complete") reachAll();
  else window.addEventListener("load", reachAll);
  if (!root.classList.contains("de-near")) return;

  const all = () => {
    if (!root.classList.contains("de-near")) return;
    root.classList.remove("de-near");
    document.dispatchEvent(new Event("de-whole")); // widgets.js
    later();
  };
  document.addEventListener("contentvisibilityautostatechange", (event) => event.skipped || reach(event.target));
  // Whoever goes to a place of the page finds it where it stays, so all above it is laid out first.
  window.addEventListener("hashchange", () => {
    if (!root.classList.contains("de-near")) return;
    all();
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  });
  window.addEventListener("beforeprint", all);
  document.addEventListener("click", (event) => event.target.closest?.('a[href*="#"]') && all(), true);
  document.addEventListener("keydown", (event) => event.key === "End" && all(), true);

  // A widget that plays leaves no idle moment.
  const idle = (run) => (window.requestIdleCallback ? requestIdleCallback(run, { timeout: 500 }) : setTimeout(run, 200));
  const rest = [...document.querySelectorAll(".bd-article > section > section")];
  const next = () => {
    const section = rest.shift();
    if (!section) return all();
    section.style.contentVisibility = "visible";
    idle(next);
  };
  const begin = (event) => {
    // The theme scrolls the menu to the page's name by itself; that is no reader.
    if (event.type === "scroll" && event.target !== document) return;
    for (const name of BEGINNINGS) window.removeEventListener(name, begin, true);
    idle(next);
  };
  const BEGINNINGS = ["scroll", "wheel", "pointerdown", "keydown"];
  for (const name of BEGINNINGS) window.addEventListener(name, begin, { capture: true, passive: true });
})();
