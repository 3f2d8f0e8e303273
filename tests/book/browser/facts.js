// What a reader gets from the open page, gathered in one pass for the tests in Python.
window.bookFacts = (() => {
  const article = () => document.querySelector("article") || document.body;
  const visible = (el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });
  const short = (s) => s.replace(/\s+/g, " ").trim().slice(0, 90);
  const where = (el) => {
    const names = [];
    for (let e = el; e && e !== document.body && names.length < 4; e = e.parentElement) {
      const classes = [...e.classList].slice(0, 3).map((c) => `.${c}`).join("");
      names.unshift(e.localName + (e.id ? `#${e.id}` : classes));
    }
    return names.join(" > ");
  };

  // Text that a reader sees and that is no code, no formula and no widget's own.
  function prose() {
    const skip = "pre, code, script, style, noscript, textarea, .katex, .de-source, .highlight";
    const walker = document.createTreeWalker(article(), NodeFilter.SHOW_TEXT);
    const out = [];
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (walker.currentNode.data.trim() && !parent.closest(skip)) out.push(walker.currentNode.data);
      else if (parent.closest("code, .katex, pre")) out.push(" ");
    }
    return out.join("");
  }

  function formulas() {
    const math = [...article().querySelectorAll("span.math, div.math")];
    return {
      katex: article().querySelectorAll(".katex:not(.katex .katex)").length,
      bare: math.filter((el) => !el.querySelector(".katex-html")).map((el) => short(el.textContent)),
      empty: [...article().querySelectorAll(".katex-html")].filter((el) => visible(el) && !el.getBoundingClientRect().width).length,
      errors: [...document.querySelectorAll(".katex-error")].map((el) => short(el.textContent)),
      // KaTeX's own style sets the fonts; without it a formula is a heap of letters, shown twice.
      unstyled: [...article().querySelectorAll(".katex")].filter((el) => !getComputedStyle(el).fontFamily.includes("KaTeX_Main")).length,
      doubled: [...article().querySelectorAll(".katex-mathml")].filter((el) => el.getBoundingClientRect().width > 2).length,
    };
  }

  // An image for the other theme is not shown, and need not be loaded.
  const unused = (img) => img.matches(".only-light, .only-dark") && !img.checkVisibility();

  function images() {
    return [...document.querySelectorAll("img")].map((img) => ({
      src: short(img.currentSrc || img.src),
      alt: img.getAttribute("alt"),
      role: img.getAttribute("role"),
      loaded: unused(img) || (img.complete && img.naturalWidth > 0),
      figure: Boolean(img.closest(".cell_output")),
      filter: getComputedStyle(img).filter,
      where: where(img),
    }));
  }

  // Of the images that there are for each theme: their files, and whether each is shown.
  const pairs = () => [...document.querySelectorAll(".cell_output .only-light")].map((light) =>
    [light, light.nextElementSibling].map((img) => [img.src, img.matches(".only-dark"), img.checkVisibility()]));

  // The share of pixels of a figure that let the page through.
  function transparency() {
    return [...document.querySelectorAll(".cell_output img:not(.only-light, .only-dark)")].filter((img) => img.naturalWidth).map((img) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [64, 64];
      const context = canvas.getContext("2d");
      context.drawImage(img, 0, 0, 64, 64);
      const { data } = context.getImageData(0, 0, 64, 64);
      let clear = 0;
      for (let i = 3; i < data.length; i += 4) clear += data[i] < 250;
      return { src: short(img.src), clear: clear / 4096 };
    });
  }

  const links = () => [...document.querySelectorAll("a[href]")].map((a) => ({
    href: a.href, raw: a.getAttribute("href"), words: short(a.textContent || a.getAttribute("aria-label") || ""),
    checked: Boolean(a.closest(".de-checked")),
  }));

  // Each numbered equation with the line under it that says who computes and who checks it.
  const equations = () => [...article().querySelectorAll("div.math[id]")].map((el) => {
    const line = el.nextElementSibling;
    return { id: el.id, number: el.querySelector(".eqno")?.textContent || "", links: line?.matches(".de-checked") ? line.querySelectorAll("a").length : 0 };
  });

  // Each folded part: its words, and whether they and the hint stay inside the bar.
  const folds = () => [...article().querySelectorAll("details.de-fold")].map((part) => {
    const bar = part.querySelector("summary");
    const [title, hint] = bar.children;
    const inside = (el, box) => el.left >= box.left && el.right <= box.right && el.top >= box.top && el.bottom <= box.bottom;
    const boxes = [title, hint].map((el) => el.getBoundingClientRect());
    return {
      solution: part.classList.contains("solution"),
      words: short(title.textContent),
      links: bar.querySelectorAll("a").length,
      hint: getComputedStyle(hint, "::before").content,
      fits: boxes.every((box) => box.width > 20 && inside(box, bar.getBoundingClientRect())) && boxes[0].right <= boxes[1].left,
    };
  });

  // Ids that stand more than once, so that a link or a label may lead to the wrong place.
  function doubleIds() {
    const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
    return [...new Set(ids.filter((id, i) => ids.indexOf(id) !== i))];
  }

  // What sticks out to the right of the page, unless a box of its own scrolls it.
  function overflow() {
    const width = document.documentElement.clientWidth;
    const out = [];
    for (const el of article().querySelectorAll("*")) {
      const box = el.getBoundingClientRect();
      if (box.right <= width + 1 || !box.width || !visible(el)) continue;
      let e = el;
      while (e && e !== document.body && !/auto|scroll|hidden|clip/.test(getComputedStyle(e).overflowX)) e = e.parentElement;
      if (!e || e === document.body) out.push(`${where(el)} reaches ${Math.round(box.right)} of ${width}`);
    }
    return { page: document.documentElement.scrollWidth - width, out: out.slice(0, 8) };
  }

  // ---- contrast, formulas and other text that screen readers skip included
  const one = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const cache = new Map();
  function rgba(colour) {
    if (!cache.has(colour)) {
      one.clearRect(0, 0, 1, 1);
      one.fillStyle = colour;
      one.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = one.getImageData(0, 0, 1, 1).data;
      cache.set(colour, [r, g, b, a / 255]);
    }
    return cache.get(colour);
  }
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // What lies behind the text of an element; null where that is a picture. Most elements have the ground of their parent.
  function ground(el, known = new Map()) {
    if (!el) return [255, 255, 255];
    if (!known.has(el)) {
      const style = getComputedStyle(el);
      const colour = rgba(style.backgroundColor);
      const image = style.backgroundImage !== "none" && el !== document.body;
      const under = image || colour[3] === 1 ? [255, 255, 255] : ground(el.parentElement, known);
      known.set(el, image ? null : under && (colour[3] > 0 ? over(colour, under) : under));
    }
    return known.get(el);
  }
  function contrast() {
    const found = new Map();
    const grounds = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const el = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || el.closest("script, style, noscript, select, .katex-mathml, .de-hidden, :disabled")) continue;
      const box = el.getBoundingClientRect();
      if (!box.width || !box.height || !visible(el)) continue;
      const style = getComputedStyle(el);
      if (style.clipPath !== "none" || style.clip !== "auto") continue;
      const back = ground(el, grounds);
      if (!back) continue;
      const ink = el instanceof SVGElement ? style.fill : style.color;
      if (ink === "none") continue;
      const [a, b] = [light(over(rgba(ink), back)), light(back)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5) - 0.05) {
        const key = `${where(el)} ${ink}`;
        if (!found.has(key)) found.set(key, `${ratio.toFixed(2)}:1 ${where(el)} "${short(walker.currentNode.data)}"`);
      }
    }
    return [...found.values()].slice(0, 20);
  }

  // Boxes of printed text that is wider than they: whether they hold columns, and how the text fades.
  const cut = () => [...document.querySelectorAll("article .output pre")]
    .filter((pre) => pre.checkVisibility({ contentVisibilityAuto: true }))
    .filter((pre) => pre.scrollWidth > pre.clientWidth + 1)
    .map((pre) => [Boolean(pre.closest(".de-columns")), getComputedStyle(pre).maskSize]);

  // What another theme may change.
  const themed = () => ({
    theme: document.documentElement.dataset.theme || "",
    background: light(ground(article())),
    images: images(),
    pairs: pairs(),
  });

  function all() {
    return {
      ...themed(),
      title: document.title,
      description: document.querySelector('meta[name="description"]')?.content || "",
      language: document.documentElement.lang,
      h1: [...document.querySelectorAll("h1")].filter(visible).length,
      headings: [...article().querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(visible).map((e) => Number(e.localName[1])),
      prose: prose(),
      formulas: formulas(),
      links: links(),
      equations: equations(),
      double_ids: doubleIds(),
      folds: folds(),
      widgets: [...document.querySelectorAll("article *")].filter((e) => e.localName.includes("-")).map((w) => [w.localName, Boolean(w.state)]),
    };
  }
  return { all, themed, overflow, contrast, cut, transparency };
})();
