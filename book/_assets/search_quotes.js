// What a search result quotes of a page: the text as a reader sees it. A formula stands in a page twice, as MathML, which
// also holds its TeX, and as HTML; only the first is read, without the TeX.
(() => {
  const unseen = "annotation, .katex-html, .headerlink, script, style, .de-card, .de-checked, .linenos";
  Search.htmlToText = (text, anchor) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    page.querySelectorAll(unseen).forEach((part) => part.remove());
    const part = anchor ? page.getElementById(decodeURIComponent(anchor.slice(1))) : null;
    return ((part || page.querySelector("article"))?.textContent || "").replace(/\s+/g, " ");
  };
})();
