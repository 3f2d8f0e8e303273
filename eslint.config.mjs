// The house rules of the widgets' JavaScript: nothing unused, nothing unknown, no function longer than a screen.

// What a browser gives to a page, its workers and its modules, as far as the widgets use it.
const BROWSER = [
  ..."addEventListener atob Blob cancelAnimationFrame clearTimeout console createImageBitmap customElements".split(" "),
  ..."CustomEvent DecompressionStream devicePixelRatio document fetch getComputedStyle HTMLElement Image".split(" "),
  ..."location matchMedia MutationObserver navigator performance postMessage requestAnimationFrame".split(" "),
  ..."ResizeObserver Response setTimeout ShadowRoot URL WebAssembly window Worker".split(" "),
];

export default [
  {
    files: ["src/**/*.mjs"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: Object.fromEntries(BROWSER.map((name) => [name, "readonly"])),
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "max-lines": ["error", 300],
      "max-lines-per-function": ["error", 60],
      "no-const-assign": "error",
      "no-dupe-keys": "error",
      "no-fallthrough": "error",
      "no-redeclare": "error",
      "no-self-assign": "error",
      "no-shadow": ["error", { builtinGlobals: false, hoist: "functions" }],
      "no-undef": "error",
      "no-unreachable": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "no-use-before-define": "off",
      "no-var": "error",
      "max-len": ["error", { code: 120, ignoreRegExpLiterals: true }],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "prefer-const": "error",
    },
  },
  { files: ["src/**/model/worker.mjs"], languageOptions: { globals: { onmessage: "writable" } } },
];
