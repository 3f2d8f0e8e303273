// One visual language for all widgets. Colours are the book's variables; the fallbacks serve JupyterLab and
// other hosts, whose own dark marks are named below.

export const CSS = `
.de-widget{
  --w-blue:var(--de-blue,#2563eb);--w-orange:var(--de-orange,#c2570c);--w-violet:var(--de-violet,#7c3aed);
  --w-teal:var(--de-teal,#0f766e);--w-grey:var(--de-grey,#64748b);
  --w-surface:var(--de-surface,var(--jp-layout-color1,#fff));--w-border:var(--de-border,#d5dbe3);
  --w-text:var(--de-text,var(--jp-ui-font-color1,#1f2933));--w-muted:var(--de-muted,#56616f);
  --w-on:#fff;--w-soft:color-mix(in srgb,var(--w-grey) 10%,transparent);color-scheme:light;
  container-type:inline-size;display:block;box-sizing:border-box;margin:1rem 0;color:var(--w-text);
  font-size:.875rem;line-height:1.4;font-variant-numeric:tabular-nums;text-align:left}
html[data-theme=dark] .de-widget,[data-jp-theme-light=false] .de-widget,.vscode-dark .de-widget{
  --w-blue:var(--de-blue,#7aa2ff);--w-orange:var(--de-orange,#f6a35c);--w-violet:var(--de-violet,#b79cff);
  --w-teal:var(--de-teal,#4fd1c5);--w-grey:var(--de-grey,#8b9bb0);
  --w-surface:var(--de-surface,var(--jp-layout-color1,#14181f));--w-border:var(--de-border,#38414e);
  --w-text:var(--de-text,var(--jp-ui-font-color1,#e6eaf0));--w-muted:var(--de-muted,#a3b0c0);
  --w-on:#10141a;--w-soft:color-mix(in srgb,var(--w-grey) 18%,transparent);color-scheme:dark}
.de-widget *,.de-widget *::before{box-sizing:border-box}
.de-panel{position:relative;background:var(--w-surface);border:1px solid var(--w-border);border-radius:12px;
  padding:14px 16px;display:grid;gap:14px}
.de-panel.de-over{outline:2px dashed var(--w-teal);outline-offset:-6px}
.de-row{display:flex;flex-wrap:wrap;align-items:center;gap:8px 12px;min-width:0}
.de-row>*{min-width:0}.de-grow{flex:1 1 12rem}
.de-hidden{position:absolute!important;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);
  white-space:nowrap;border:0;padding:0}
.de-panel [hidden]{display:none!important}
.de-math{font-family:KaTeX_Math,"Latin Modern Math","STIX Two Math",Cambria,Georgia,serif;font-style:italic;
  font-size:1.08em}
.de-math sub{font-style:italic;font-size:.72em;line-height:0}
.de-muted{color:var(--w-muted)}.de-small{font-size:.8125rem}
.de-note{margin:0;color:var(--w-muted);font-size:.78rem}
.de-blue{--c:var(--w-blue)}.de-orange{--c:var(--w-orange)}.de-violet{--c:var(--w-violet)}
.de-teal{--c:var(--w-teal)}.de-grey{--c:var(--w-grey)}
.de-c{color:var(--c)}
.de-label{display:flex;align-items:center;gap:6px;color:var(--w-muted);font-size:.8125rem;margin:0;font-weight:400}
.de-widget button,.de-widget select,.de-widget input[type=number],.de-file{font:inherit;font-size:.8125rem;
  color:var(--w-text);
  background:var(--w-surface);border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent);border-radius:8px;
  min-height:32px;padding:4px 10px;margin:0}
.de-widget select{padding-right:6px;max-width:100%}
.de-widget button,.de-file{cursor:pointer;display:inline-flex;align-items:center;justify-content:center;gap:6px}
.de-widget button:hover,.de-file:hover,.de-widget select:hover{background:var(--w-soft)}
.de-widget button.de-main{background:var(--w-teal);border-color:var(--w-teal);color:var(--w-on);min-width:36px;
  padding:4px 9px}
.de-widget button.de-main:hover{filter:brightness(1.08)}
.de-widget button:disabled{opacity:.5;cursor:default}
.de-widget input[type=number]{width:5.6rem;padding:4px 6px}
.de-widget input[type=checkbox]{width:16px;height:16px;margin:0;accent-color:var(--w-teal)}
.de-widget :is(button,select,input,.de-handle):focus-visible,.de-file:focus-within,
.de-pick:focus-within{outline:2px solid var(--w-teal);outline-offset:2px}
.de-icon{width:14px;height:14px;fill:currentColor;display:block}
.de-widget input[type=range]{-webkit-appearance:none;appearance:none;width:100%;height:28px;margin:0;background:none;
  cursor:pointer;border-radius:8px}
.de-widget input[type=range]::-webkit-slider-runnable-track{height:6px;border-radius:3px;
  background:linear-gradient(to right,var(--c) var(--fill,0%),
    color-mix(in srgb,var(--w-grey) 35%,transparent) var(--fill,0%))}
.de-widget input[type=range]::-moz-range-track{height:6px;border-radius:3px;
  background:color-mix(in srgb,var(--w-grey) 35%,transparent)}
.de-widget input[type=range]::-moz-range-progress{height:6px;border-radius:3px;background:var(--c)}
.de-widget input[type=range]::-webkit-slider-thumb{-webkit-appearance:none;width:20px;height:20px;margin-top:-7px;
  border-radius:50%;
  background:var(--c);border:3px solid var(--w-surface);box-shadow:0 0 0 1px var(--c)}
.de-widget input[type=range]::-moz-range-thumb{width:15px;height:15px;border-radius:50%;background:var(--c);
  border:3px solid var(--w-surface);box-shadow:0 0 0 1px var(--c)}
.de-slider{display:grid;grid-template-columns:auto minmax(60px,1fr) auto;align-items:center;gap:4px 10px;width:100%}
.de-slider>label{min-width:var(--w-label,auto);margin:0;white-space:nowrap}
.de-limits{position:absolute;z-index:3;transform:translateX(-100%);padding:2px 8px;white-space:nowrap;
  pointer-events:none;background:var(--w-surface);color:var(--w-text);font-size:.75rem;
  border:1px solid var(--w-orange);border-radius:6px}
.de-pixels{display:block;width:100%;aspect-ratio:1;image-rendering:pixelated;border-radius:6px;background:#000;
  box-shadow:0 0 0 1px var(--w-border)}
.de-frame{margin:0;display:grid;gap:5px;min-width:0;align-content:start}
.de-frame figcaption{margin:0;padding:0;font-size:.8125rem;color:var(--w-text);text-align:center;line-height:1.3;
  font-style:normal}
.de-frame.de-tint .de-pixels{box-shadow:0 0 0 2px var(--c)}
.de-picks{display:flex;flex-wrap:wrap;gap:6px;border:0;padding:0;margin:0;min-width:0}
.de-pick{position:relative;display:block;width:38px;cursor:pointer;border-radius:7px;margin:0}
.de-pick input{position:absolute;inset:0;opacity:0;margin:0;width:100%;height:100%;cursor:pointer}
.de-pick:has(:checked) .de-pixels{box-shadow:0 0 0 2px var(--w-surface),0 0 0 4px var(--w-teal)}
.de-file{position:relative}.de-file input{position:absolute;inset:0;opacity:0;cursor:pointer;width:100%;font-size:0}
.de-status{margin:0;min-height:2.8em}.de-status b{font-weight:600}
.de-warn{margin:0;padding:8px 12px;border-left:3px solid var(--c);background:var(--w-soft);border-radius:0 8px 8px 0}
.de-charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--w-chart,190px)),1fr));gap:12px}
.de-chart{position:relative;min-width:0}
.de-chart-head{display:flex;justify-content:space-between;gap:6px;font-size:.78rem;color:var(--w-muted);
  white-space:nowrap}
.de-chart-head b{color:var(--w-text);font-weight:600}
.de-chart svg{display:block;width:100%;height:130px;overflow:visible}
.de-chart.de-x svg{cursor:ew-resize;touch-action:pan-y}
.de-chart text{font-size:10px;fill:var(--w-muted);font-family:inherit}
.de-chart text.de-word{fill:var(--w-text);stroke:var(--w-surface);stroke-width:3px;paint-order:stroke}
.de-grid{stroke:var(--w-border);stroke-width:1;fill:none;shape-rendering:crispEdges}
.de-line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
.de-line.de-thin{stroke-width:1.25;stroke-dasharray:4 3}
.de-area{fill:var(--c);opacity:.55}
.de-mark{stroke:var(--w-text);stroke-width:1;opacity:.55}
.de-dot{fill:var(--c);stroke:var(--w-surface);stroke-width:2}
.de-handle{position:absolute;width:24px;height:24px;margin:-12px 0 0 -12px;border-radius:50%;cursor:ns-resize;
  touch-action:none}
.de-handle::before{content:"";position:absolute;inset:5px;border-radius:50%;background:var(--w-surface);
  border:3px solid var(--w-orange)}
.de-handle:hover::before,.de-handle:active::before{inset:3px}
.de-strip{display:block;width:100%;image-rendering:pixelated;border-radius:6px;background:#000;cursor:pointer;
  touch-action:pan-y}
.de-widget [role=img]:focus{outline:0}
@media (forced-colors:active){.de-widget input[type=range]{-webkit-appearance:auto;appearance:auto}
  .de-pick:has(:checked){outline:3px solid Highlight}}
`;
