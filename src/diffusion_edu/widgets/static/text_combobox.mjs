// A field to type in, with a list of what could be meant: the combobox pattern of WAI-ARIA with a listbox.
import { h } from "./common.mjs";

// complete(typed) -> list of words; oninput(words, event) for each change, typed or chosen.
export function combobox({ role, label, placeholder, complete, oninput }) {
  const id = "de-" + Math.random().toString(36).slice(2, 10);
  let options = [];
  let at = -1; // the option that the arrow keys have reached
  const list = h("ul", { id: `${id}-list`, class: "de-tb-list", role: "listbox", "aria-label": "Completions", "data-role": `${role}-list`, hidden: true });
  const input = h("input", {
    type: "text", id, "data-role": role, role: "combobox", placeholder, autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 120,
    enterkeyhint: "search", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
  });
  const el = h("div", { class: "de-tb" }, h("label", { for: id, class: "de-label" }, label), h("div", { class: "de-tb-box" }, input, list));

  function mark(i) {
    at = i;
    [...list.children].forEach((item, k) => item.setAttribute("aria-selected", String(k === at)));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function open(found) {
    options = found;
    list.replaceChildren(...found.map((words, i) => {
      const item = h("li", { id: `${id}-${i}`, role: "option", "aria-selected": "false", onclick: () => choose(i) }, words);
      item.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
      return item;
    }));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
  }
  const close = () => open([]);

  function choose(i) {
    input.value = options[i];
    close();
    oninput(input.value, null);
  }

  input.addEventListener("input", (event) => {
    open(complete(input.value));
    oninput(input.value, event);
  });
  input.addEventListener("keydown", (event) => {
    const { key } = event;
    if (event.isComposing) return;
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open(complete(input.value));
      if (!options.length) return;
      const n = options.length + 1; // one place more: back in the field
      mark(((at + 1 + (key === "ArrowDown" ? 1 : n - 1)) % n) - 1);
    } else if (key === "Enter" && at >= 0) {
      event.preventDefault();
      choose(at);
    } else if (key === "Enter") close();
    else if (key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  input.addEventListener("blur", close);
  return {
    el, input, close,
    set(words) {
      if (input.value !== words) input.value = words;
    },
  };
}
