// node tools/joined.mjs SHEET SITE: takes out of a style sheet the rules that no page and no script of a site could use,
// that is, rules with a class, id, element or attribute that none of them names.
import { readFileSync, writeFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";

const [sheet, site] = process.argv.slice(2);
const raw = readFileSync(sheet, "utf8");
const words = (text) => text.match(/[\w-]+/g) ?? [];
const inTags = (page) => words((page.match(/<[^>]*>/g) ?? []).join(" "));
// Within these a name that no page has is of use: `:not(.absent)`, or one of several that a selector allows.
const listed = [...raw.matchAll(/:(?:is|not|has|where)\(([^{}]*)\)/g)].flatMap((found) => words(found[1]));
const [found] = await new PurgeCSS().purge({
  content: [`${site}/**/*.html`, `${site}/**/*.js`, `${site}/**/*.mjs`],
  css: [{ raw }],
  defaultExtractor: words,
  extractors: [{ extensions: ["html"], extractor: inTags }],
  safelist: { standard: [...new Set(listed)] },
});
writeFileSync(sheet, found.css);
