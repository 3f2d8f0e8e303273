// What is made anew only where that on which it depends has changed.

// once(name, key, make): what make() gave for this name, as long as the key stays the same.
export function memo() {
  const results = new Map();
  return function once(name, key, make) {
    const known = results.get(name);
    if (known && known.key === key) return known.value;
    const value = make();
    results.set(name, { key, value });
    return value;
  };
}

// differs(name, key): whether the key of this name is another than at the last call.
export function watch() {
  const keys = new Map();
  return function differs(name, key) {
    const before = keys.get(name);
    keys.set(name, key);
    return before !== key;
  };
}
