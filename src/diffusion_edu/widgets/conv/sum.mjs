// The sum of an output, whose products are buttons: pointer or focus on one lights its two factors.
import { bold, h } from "../kit/dom.mjs";
import { watch } from "../kit/memo.mjs";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };

// onlight(product): the product under the pointer or with the focus, or null.
export function sumView(onlight) {
  const el = h("p", { class: "de-status de-ce-sum" });
  const differs = watch();
  let [products, buttons] = [[], []];

  function look() {
    const held = buttons.findIndex((button) => button.matches(":hover"));
    const focused = buttons.indexOf(/** @type {any} */ (el.getRootNode()).activeElement);
    onlight(products[held >= 0 ? held : focused] ?? null);
  }
  // One stop for Tab; the arrow keys go from product to product.
  function walk(event) {
    const step = STEPS[event.key];
    const from = buttons.indexOf(event.target);
    if (step === undefined || from < 0) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, from + step))].focus();
  }
  function rove(event) {
    if (!buttons.includes(event.target)) return;
    for (const button of buttons) button.tabIndex = button === event.target ? 0 : -1;
    look();
  }
  function termsView(terms) {
    buttons = terms.map((words, n) =>
      h("button", { type: "button", class: "de-ce-term", tabindex: n ? -1 : 0 }, words),
    );
    const parts = buttons.flatMap((button, n) => (n ? [" + ", button] : [button]));
    return h("span", { role: "toolbar", "aria-label": "Products of the sum" }, ...parts);
  }
  el.addEventListener("keydown", walk);
  el.addEventListener("focusin", rove);
  for (const name of ["focusout", "pointerover", "pointerout"])
    el.addEventListener(name, () => requestAnimationFrame(look));
  return {
    el,
    // parts: words, what is bold in a list of its own, and {terms} where the products stand.
    draw(parts, found) {
      if (!differs("parts", JSON.stringify([parts, found]))) return;
      [products, buttons] = [found, []];
      const made = parts.map((part) => (part.terms ? termsView(part.terms) : part));
      el.replaceChildren(...bold(...made));
      look();
    },
  };
}
