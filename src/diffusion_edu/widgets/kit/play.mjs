// Time and speech: drawings once a frame, playing, and what a screen reader is told.
import { h, text } from "./dom.mjs";
import { clamp } from "./numbers.mjs";

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// One drawing per animation frame, however often it is asked for.
export function onceAFrame(draw) {
  let asked = 0;
  const ask = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
  ask.stop = () => cancelAnimationFrame(asked);
  return ask;
}

// Calls advance(seconds) in every frame while playing; advance returns false at the end.
// Where the reader asked for less motion it is called once in 0.8 s instead: stills, not an animation.
export function player(button, advance, words = "Play") {
  let cancel = null;
  let before = 0;
  const playing = () => cancel !== null;
  function later() {
    if (reducedMotion()) {
      const timer = setTimeout(() => tick(performance.now()), 800);
      cancel = () => clearTimeout(timer);
    } else {
      const asked = requestAnimationFrame(tick);
      cancel = () => cancelAnimationFrame(asked);
    }
  }
  function tick(now) {
    const seconds = clamp((now - before) / 1000, 0, 0.8);
    before = now;
    if (advance(seconds) === false) stop();
    else if (playing()) later();
  }
  function start() {
    before = performance.now();
    button.set("pause", "Pause");
    later();
  }
  function stop() {
    cancel?.();
    cancel = null;
    button.set("play", words);
  }
  button.el.addEventListener("click", () => (playing() ? stop() : start()));
  return { playing, stop };
}

// What a player advances: now.frame goes on to the last() state in seconds(), and begins anew from there.
export function walker(now, last, seconds, change) {
  let place = 0;
  return (passed) => {
    if (now.frame >= last()) place = 0;
    else if (Math.floor(place) !== now.frame) place = now.frame;
    place = reducedMotion() ? now.frame + 1 : place + (passed * last()) / seconds();
    change({ frame: Math.min(last(), Math.floor(place)) });
    return now.frame < last();
  };
}

// Speaks politely, and only when the numbers have rested for a moment.
export function announcer() {
  const el = h("div", { class: "de-hidden", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  let timer = 0;
  return {
    el,
    say(words) {
      clearTimeout(timer);
      timer = setTimeout(() => text(el, words), 600);
    },
    stop: () => clearTimeout(timer),
  };
}
