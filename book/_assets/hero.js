// The picture of the preface: a cloud of points that carries a shape, at five noise levels from left to right. Every
// point keeps its own noise, so the eye can follow it. It drifts slowly; where less motion is wished, it stands still.
// A finger or mouse over it sets the noise level: the cloud is drawn there, and the five stand back.
(() => {
  const canvas = document.querySelector("canvas.de-hero");
  if (!canvas) return;
  const context = canvas.getContext("2d");
  const COLUMNS = 5;
  const POINTS = 360;

  // A small generator with a seed: the same picture at every visit.
  let state = 20200619;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

  // A shirt, the first of Fashion-MNIST's things, as an outline to draw points from.
  const shirt = [
    [-0.28, -0.8], [-0.12, -0.7], [0.12, -0.7], [0.28, -0.8], [0.62, -0.66], [0.95, -0.12], [0.62, 0.06],
    [0.46, -0.16], [0.46, 0.85], [-0.46, 0.85], [-0.46, -0.16], [-0.62, 0.06], [-0.95, -0.12], [-0.62, -0.66],
  ];
  const inside = (x, y) => {
    let odd = false;
    for (let i = 0, j = shirt.length - 1; i < shirt.length; j = i, i += 1) {
      const [a, b] = shirt[i];
      const [c, d] = shirt[j];
      if (b > y !== d > y && x < ((c - a) * (y - b)) / (d - b) + a) odd = !odd;
    }
    return odd;
  };
  const data = [];
  while (data.length < POINTS) {
    const x = 2 * uniform() - 1;
    const y = 2 * uniform() - 1;
    if (inside(x, y)) data.push([x, y, normal(), normal(), 2 * Math.PI * uniform()]);
  }

  const style = getComputedStyle(document.documentElement);
  const mix = (from, to, share) => `color-mix(in srgb, ${from} ${100 * (1 - share)}%, ${to})`;
  const colour = (share) => {
    const [blue, violet, orange] = ["blue", "violet", "orange"].map((name) => style.getPropertyValue(`--de-${name}`).trim());
    return share < 0.5 ? mix(blue, violet, 2 * share) : mix(violet, orange, 2 * share - 1);
  };

  let pointer = null; // pixels from the left edge
  const draw = (seconds) => {
    const scale = Math.min(2, window.devicePixelRatio || 1);
    const { clientWidth: width, clientHeight: height } = canvas;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const columns = width < 480 ? 3 : COLUMNS;
    const cell = width / columns;
    const size = 0.36 * Math.min(cell, 0.9 * height);
    const cloud = (share, alpha) => {
      const signal = Math.cos((Math.PI / 2) * share);
      const noise = Math.sin((Math.PI / 2) * share);
      context.fillStyle = colour(share);
      context.globalAlpha = alpha;
      for (const [x, y, a, b, phase] of data) {
        // the noise turns slowly on a circle, which leaves its distribution as it is
        const turn = 0.35 * seconds + phase;
        const u = signal * x + 0.5 * noise * (a * Math.cos(turn) - b * Math.sin(turn));
        const v = signal * y + 0.5 * noise * (a * Math.sin(turn) + b * Math.cos(turn));
        context.beginPath();
        context.arc(cell / 2 + share * (width - cell) + size * u, height / 2 + size * v, 1.5, 0, 2 * Math.PI);
        context.fill();
      }
    };
    for (let k = 0; k < columns; k += 1) cloud(k / (columns - 1), pointer === null ? 0.75 : 0.2);
    if (pointer !== null) cloud(Math.min(1, Math.max(0, (pointer - cell / 2) / (width - cell))), 0.9);
  };

  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let visible = true;
  let frame = 0;
  const tick = (now) => {
    draw(still.matches ? 0 : now / 1000); // a pointer alone must not stir the noise
    frame = visible && !still.matches ? requestAnimationFrame(tick) : 0;
  };
  const wake = () => {
    if (!frame) frame = requestAnimationFrame(tick);
  };
  new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    if (visible) wake();
  }).observe(canvas);
  const point = (at) => {
    pointer = at;
    wake();
  };
  canvas.addEventListener("pointermove", (event) => point(event.offsetX));
  canvas.addEventListener("pointerleave", () => point(null));
  new MutationObserver(wake).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  new ResizeObserver(wake).observe(canvas);
  still.addEventListener("change", wake);
})();
