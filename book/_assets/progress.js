// What was read to its end is marked in the list of chapters. It is kept in this browser and goes nowhere.
(() => {
  const KEY = "diffusion-edu-read";
  const name = (address) => /\/notebooks\/(\w+)\.html$/.exec(new URL(address, location.href).pathname)?.[1];

  // A browser that keeps nothing for a page (some do from a file, some are told to) reads without marks.
  const read = () => {
    try {
      const names = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      return new Set(Array.isArray(names) ? names : []);
    } catch {
      return new Set();
    }
  };
  const write = (names) => {
    try {
      localStorage.setItem(KEY, JSON.stringify([...names]));
    } catch {
      // nothing is kept
    }
  };

  function mark() {
    const done = read();
    for (const link of document.querySelectorAll(".bd-sidebar-primary a[href]")) {
      const known = done.has(name(link.href));
      link.classList.toggle("de-read", known);
      link.querySelector(".de-read-word")?.remove();
      if (!known) continue;
      const word = document.createElement("span");
      word.className = "de-read-word";
      word.textContent = " (read)";
      link.append(word);
    }
  }

  mark();
  const own = name(location.href);
  const end = document.querySelector(".prev-next-footer, .bd-footer-article");
  if (!own || !end || !window.IntersectionObserver) return;
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    write(read().add(own));
    mark();
  });
  seen.observe(end);
})();
