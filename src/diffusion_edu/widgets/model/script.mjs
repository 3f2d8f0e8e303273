// Where the page's script came from, beside which the files of models lie. Known only while the script runs; a module,
// as JupyterLab has it, has none, and needs none.
const script = typeof document === "undefined" ? null : /** @type {any} */ (document.currentScript);

export const SCRIPT = script?.src ?? "";
