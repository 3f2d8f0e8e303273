// The code of a widget and its stored runs are larger than the text of a page (tools/deferred.py). They are fetched when
// the page has been shown and the widget is near, or when the reader has begun and all sections are laid out. Until
// then its image stands there.
(() => {
  const fetched = (address) => {
    const tag = Object.assign(document.createElement("script"), { src: address });
    document.head.append(tag);
    return new Promise((resolve, reject) => {
      tag.addEventListener("load", () => resolve(tag));
      tag.addEventListener("error", () => reject(new Error(address)));
    });
  };

  /** @type {Map<string, any[]>} */
  const kinds = new Map();
  for (const script of document.querySelectorAll("script[data-run]")) {
    const tag = script.parentElement.localName;
    kinds.set(tag, [...(kinds.get(tag) ?? []), script]);
  }
  if (!kinds.size) return;

  // The data are put in place before the code defines the element, which starts it. Widgets of one kind start together.
  const start = async (tag) => {
    const scripts = kinds.get(tag) ?? [];
    kinds.delete(tag);
    try {
      const runs = await Promise.all(scripts.map((script) => fetched(script.dataset.run)));
      scripts.forEach((script, k) => (script.textContent = runs[k].run));
      if (scripts.length) await fetched(scripts[0].dataset.code);
    } catch {
      const words = "This widget could not be loaded. Reload the page to try again.";
      for (const script of scripts) {
        script.parentElement.after(Object.assign(document.createElement("p"), { role: "alert", textContent: words }));
      }
    }
    for (const script of scripts) script.removeAttribute("data-run"); // all that can be done has been done
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) start(entry.target.localName);
    },
    { rootMargin: "100% 0px" },
  );
  const begin = () => {
    for (const script of [...kinds.values()].flat()) observer.observe(script.parentElement);
  };
  const all = async () => {
    observer.disconnect();
    for (const tag of [...kinds.keys()]) await start(tag);
  };
  const near = document.documentElement.classList.contains("de-near");
  if (near) document.addEventListener("de-whole", all);
  const shown = near ? begin : all;
  if (document.readyState === "complete") shown();
  else window.addEventListener("load", shown);
})();
