// A field to type in, with a list of what could be meant: the combobox pattern of WAI-ARIA with a listbox.
import { freshId, h } from "./dom.mjs";

export const COMBOBOX_CSS = `
.de-tb{display:grid;gap:4px;flex:1 1 15rem}.de-tb-box{position:relative}
.de-widget .de-tb input{font:inherit;font-size:16px;width:100%;min-height:38px;padding:4px 10px;border-radius:8px;
  color:var(--w-text);margin:0;
  background:var(--w-surface);border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent)}
.de-tb input::placeholder{color:var(--w-muted);opacity:1}
.de-tb-list{position:absolute;z-index:20;left:0;right:0;top:calc(100% + 2px);margin:0;padding:4px;list-style:none;
  max-height:264px;overflow:auto;
  background:var(--w-surface);border:1px solid var(--w-border);border-radius:8px;box-shadow:0 6px 20px rgb(0 0 0/.18)}
.de-tb-list li{margin:0;padding:6px 8px;min-height:30px;border-radius:6px;cursor:pointer}
.de-tb-list li:is(:hover,[aria-selected=true]){background:var(--w-soft);box-shadow:inset 3px 0 var(--w-teal)}
`;

// The list of options: open(words), close(), move(by), and `at`, the option that the arrow keys have reached.
function optionList(list, input, id, choose) {
  const state = { options: [], at: -1, open, close: () => open([]), move };

  function mark(i) {
    state.at = i;
    [...list.children].forEach((item, k) => item.setAttribute("aria-selected", String(k === i)));
    if (i < 0) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    input.setAttribute("aria-activedescendant", list.children[i].id);
    list.children[i].scrollIntoView({ block: "nearest" });
  }
  function optionOf(words, i) {
    const names = { id: `${id}-${i}`, role: "option", "aria-selected": "false" };
    const el = h("li", { ...names, onclick: () => choose(words) }, words);
    el.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    return el;
  }
  function open(found) {
    state.options = found;
    list.replaceChildren(...found.map(optionOf));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
  }
  function move(by) {
    const n = state.options.length + 1; // one place more: back in the field
    if (n > 1) mark(((state.at + 1 + by + n) % n) - 1);
  }
  return state;
}

function listen(input, list, found, { complete, choose, oninput, onenter }) {
  const typed = (event) => {
    found.open(complete(input.value));
    oninput(input.value, event);
  };
  const arrow = (event) => {
    event.preventDefault();
    if (list.hidden) found.open(complete(input.value));
    found.move(event.key === "ArrowDown" ? 1 : -1);
  };
  const enter = (event) => {
    if (found.at < 0) {
      found.close();
      return onenter?.();
    }
    event.preventDefault();
    return choose(found.options[found.at]);
  };
  const escape = (event) => {
    if (list.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    found.close();
  };
  const keys = { ArrowDown: arrow, ArrowUp: arrow, Enter: enter, Escape: escape };
  input.addEventListener("input", typed);
  input.addEventListener("keydown", (event) => event.isComposing || keys[event.key]?.(event));
  input.addEventListener("blur", found.close);
}

// complete(typed) -> list of words; oninput(words, event) for each change, typed or chosen; onenter(): Enter was
// pressed in the field, and not on a word of the list.
export function combobox({ role, label, placeholder, complete, oninput, onenter = null, maxlength = 120 }) {
  const id = freshId();
  const names = { class: "de-tb-list", role: "listbox", "aria-label": "Completions", "data-role": `${role}-list` };
  const list = h("ul", { id: `${id}-list`, ...names, hidden: true });
  const input = h("input", {
    ...{ type: "text", id, "data-role": role, role: "combobox", placeholder, autocomplete: "off" },
    ...{ autocapitalize: "none", spellcheck: "false", maxlength, enterkeyhint: "search" },
    ...{ "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id },
  });
  function choose(words) {
    input.value = words;
    found.close();
    oninput(words, null);
  }
  const found = optionList(list, input, id, choose);
  listen(input, list, found, { complete, choose, oninput, onenter });
  const box = h("div", { class: "de-tb-box" }, input, list);
  return {
    el: h("div", { class: "de-tb" }, h("label", { for: id, class: "de-label" }, label), box),
    set(words) {
      if (input.value !== words) input.value = words;
    },
  };
}
