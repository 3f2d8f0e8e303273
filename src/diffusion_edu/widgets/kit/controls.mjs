// Buttons, lists, sliders and thumbnails, each with its name for screen readers and its data-role.
import { freshId, h } from "./dom.mjs";
import { clamp } from "./numbers.mjs";
import { paint } from "./paint.mjs";

// Thumbnails as a group of radio buttons: arrow keys, touch and names come for free.
export function picker({ role, legend, size, channels, labels, values, onpick }) {
  const name = freshId();
  const inputs = labels.map((label, i) => {
    const canvas = h("canvas", { width: size, height: size, class: "de-pixels", "aria-hidden": "true" });
    paint(canvas, values(i), channels, size);
    const input = h("input", {
      type: "radio",
      name,
      value: i,
      "data-role": role,
      "aria-label": label,
      onchange: () => onpick(i),
    });
    return { input, el: h("label", { class: "de-pick", title: label }, input, canvas), canvas };
  });
  const el = h(
    "fieldset",
    { class: "de-picks" },
    h("legend", { class: "de-hidden" }, legend),
    ...inputs.map((i) => i.el),
  );
  return { el, inputs, set: (i) => inputs.forEach(({ input }, j) => (input.checked = i === j)) };
}

const ICONS = {
  play: "M3 1.5v11l9.5-5.5z",
  pause: "M2.5 1.5h3v11h-3zM8.5 1.5h3v11h-3z",
  next: "M2.5 1.5v11l6-5.5zM9 1.5h2.5v11H9z",
  prev: "M11.5 1.5v11l-6-5.5zM5 1.5H2.5v11H5z",
};

export function iconButton(role, icon, label, onclick, main = false) {
  const path = h("svg:path", { d: ICONS[icon] });
  const svg = h("svg:svg", { viewBox: "0 0 14 14", class: "de-icon", "aria-hidden": "true" }, path);
  const el = h(
    "button",
    { type: "button", "data-role": role, "aria-label": label, title: label, class: main ? "de-main" : null, onclick },
    svg,
  );
  return {
    el,
    set(name, words) {
      path.setAttribute("d", ICONS[name]);
      el.setAttribute("aria-label", words);
      el.title = words;
    },
  };
}

export function select({ role, label, options, value, onpick }) {
  const id = freshId();
  const input = h("select", { id, "data-role": role, onchange: () => onpick(input.value) });
  input.append(...options.map(([v, words]) => h("option", { value: v }, words)));
  input.value = value;
  return { el: h("div", { class: "de-label" }, h("label", { for: id, class: "de-label" }, label), input), input };
}

export function checkbox({ role, label, value, onpick }) {
  const input = h("input", { type: "checkbox", "data-role": role, onchange: () => onpick(input.checked) });
  input.checked = value;
  return { el: h("label", { class: "de-label" }, input, label), input };
}

// The numbers of a slider's places: with `log` they are 0..1000 along the logarithm of the value, with `stops` 0, 1, ..
// for the values of that list.
function scaleOf(limits, log, stops) {
  if (stops) return { place: (v) => stops().indexOf(v), value: (p) => stops()[p] };
  if (!log) return { place: (v) => v, value: (p) => p };
  const ratio = () => limits.max / limits.min;
  return {
    place: (v) => (1000 * Math.log(v / limits.min)) / Math.log(ratio()),
    value: (p) => +(limits.min * ratio() ** (p / 1000)).toPrecision(3),
  };
}

function inputsOf({ role, name, min, max, step, log, stops, colour }, id) {
  const even = { min: 0, max: stops ? stops().length - 1 : 1000, step: 1 };
  const places = log || stops ? even : { min, max, step };
  const looks = { "data-role": role, class: `de-${colour}` };
  const range = h("input", { type: "range", id, ...looks, ...places, "aria-label": name });
  const numbers = { min, max, step: log ? "any" : step, "aria-label": `${name}, as a number` };
  return [range, h("input", { type: "number", "data-role": `${role}-number`, ...numbers })];
}

const hasFocus = (el) => document.activeElement === el || el.getRootNode().activeElement === el;

// Boxes whose number is being typed: what the widget computes does not write into them.
const typed = new WeakSet();

const LONG = 4000; // milliseconds for which the limits are read
const plain = (v) => v.toLocaleString("en", { maximumFractionDigits: 9 }).replace("-", "−");

// A number outside the limits was brought back: the box says so for a moment, aloud as well.
export function sayLimits(box, { min, max }) {
  box.parentElement.querySelector(".de-limits")?.remove();
  const tip = h("span", { class: "de-limits", role: "alert" }, `${plain(min)} to ${plain(max)}`);
  box.after(tip);
  tip.style.top = `${box.offsetTop + box.offsetHeight + 3}px`;
  tip.style.left = `${Math.max(box.offsetLeft + box.offsetWidth, tip.offsetWidth + 4)}px`;
  setTimeout(() => tip.remove(), LONG);
}

// What is typed counts at once where it is allowed; leaving the box brings it back to the nearest allowed value.
function listenToBox(box, limits, whole, now, oninput) {
  const tidy = (v) => (whole ? Math.round(v) : v);
  box.addEventListener("input", () => {
    typed.add(box);
    const v = Number(box.value);
    if (box.value !== "" && v >= limits.min && v <= limits.max) oninput(tidy(v));
  });
  box.addEventListener("change", () => {
    typed.delete(box);
    const asked = Number(box.value);
    const none = box.value === "" || Number.isNaN(asked);
    const v = none ? now() : clamp(asked, limits.min, limits.max);
    box.value = tidy(v);
    oninput(Number(box.value));
    if (!none && v !== asked) sayLimits(box, limits);
  });
}

// A slider with its number box; `say` words its value. With `log` it runs along the logarithm of the value, with
// `stops` through the values of the list stops(), while the box takes any number between the limits.
export function slider(options) {
  const { label, min, max, step, log, stops, say, oninput } = { step: 1, log: false, say: String, ...options };
  const id = freshId();
  const [range, box] = inputsOf({ colour: "violet", step: 1, log: false, ...options }, id);
  const el = h("div", { class: "de-slider" }, h("label", { for: id }, label), range, box);
  const control = { el, range, box, min, max, set, limit };
  const { place, value } = scaleOf(control, log, stops);
  function set(v) {
    range.value = place(v);
    range.style.setProperty("--fill", `${(100 * (range.value - range.min)) / (range.max - range.min || 1)}%`);
    range.setAttribute("aria-valuetext", say(v));
    if (!typed.has(box)) box.value = v;
  }
  function limit(low, high) {
    for (const limits of log || stops ? [control, box] : [control, box, range]) [limits.min, limits.max] = [low, high];
    if (stops) range.max = stops().length - 1;
  }
  const now = () => value(Number(range.value));
  range.addEventListener("input", () => oninput(now()));
  listenToBox(box, control, step === 1 && !log, now, oninput);
  return control;
}

// A slider along the logarithm on which the arrow keys go from one round number of `steps` to the next.
export function ladder(options, steps, get) {
  const control = slider({ ...options, log: true });
  control.range.addEventListener("keydown", (event) => {
    const up = ["ArrowRight", "ArrowUp"].includes(event.key);
    if (!up && !["ArrowLeft", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const next = up ? steps.find((v) => v > get()) : steps.findLast((v) => v < get());
    options.oninput(next ?? get());
    control.set(get()); // at once, as a slider does by itself
  });
  return control;
}

// A box for a seed, and a button that goes on to the next one that was not used: by() seeds further.
export function seedBox({ label, limits: [min, max], now, change, by }) {
  const input = h("input", { type: "number", min, max, step: 1, "data-role": "seed", "aria-label": label });
  input.addEventListener("change", () => {
    const asked = Number(input.value);
    change({ seed: clamp(Math.round(asked) || 0, min, max) });
    if (asked < min || asked > max) sayLimits(input, { min, max });
  });
  const onclick = () => change({ seed: Math.min(now.seed + by(), max) });
  return {
    input,
    el: h("label", { class: "de-label" }, "Seed", input),
    renew: h("button", { type: "button", "data-role": "new-seed", onclick }, "New seed"),
    set(seed) {
      if (!hasFocus(input)) input.value = seed;
    },
  };
}
