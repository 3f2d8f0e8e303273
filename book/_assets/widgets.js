// The code of a widget and its stored runs are larger than the text of a page (tools/deferred.py). They are fetched when
// the page has been shown and the widget is near, or when the reader has begun and all sections are laid out. Until
// then its image stands there.
(() => {
  const fetched = new Map();
  const fetchOnce = (address) => {
    if (!fetched.has(address)) {
      const tag = Object.assign(document.createElement("script"), { src: address });
      const done = new Promise((resolve, reject) => {
        tag.addEventListener("load", () => resolve(tag));
        tag.addEventListener("error", () => reject(new Error(address)));
      });
      fetched.set(address, done);
      document.head.append(tag);
    }
    return fetched.get(address);
  };

  // The data are put in place before the code defines the element, which starts it. Widgets of one kind start together.
  const start = async (scripts) => {
    const waiting = scripts.filter((script) => !script.started);
    if (!waiting.length) return;
    for (const script of waiting) script.started = true;
    try {
      const runs = await Promise.all(waiting.map((script) => fetchOnce(script.dataset.run)));
      waiting.forEach((script, k) => (script.textContent = runs[k].run));
      await fetchOnce(waiting[0].dataset.code);
    } catch {
      const words = "This widget could not be loaded. Reload the page to try again.";
      for (const script of waiting) {
        script.parentElement.after(Object.assign(document.createElement("p"), { role: "alert", textContent: words }));
      }
    }
    for (const script of waiting) script.removeAttribute("data-run"); // all that can be done has been done
  };

  /** @type {Map<string, any[]>} */
  const kinds = new Map();
  for (const script of document.querySelectorAll("script[data-run]")) {
    const tag = script.parentElement.localName;
    kinds.set(tag, [...(kinds.get(tag) ?? []), script]);
  }
  if (!kinds.size) return;
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        observer.unobserve(entry.target);
        start(kinds.get(entry.target.localName));
      }
    },
    { rootMargin: "100% 0px" },
  );
  const begin = () => {
    for (const scripts of kinds.values()) for (const script of scripts) observer.observe(script.parentElement);
  };
  const all = async () => {
    for (const scripts of kinds.values()) await start(scripts);
  };
  const near = document.documentElement.classList.contains("de-near");
  if (near) document.addEventListener("de-whole", all);
  const shown = near ? begin : all;
  if (document.readyState === "complete") shown();
  else window.addEventListener("load", shown);
})();
