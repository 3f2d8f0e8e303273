// Words to token ids, as the library `tokenizers` does it with the settings of systems/tokenizer.py: BertNormalizer,
// BertPreTokenizer, WordPiece. No page needed.

const DROPPED = /\ufffd|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u;
const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;
const SIGN = /[!-/:-@[-`{-~]|\p{P}/u;
const LONGEST = 100; // letters of a word; a longer one is unknown
export const UNKNOWN = "[UNK]";

// "A Café!" -> ["a", "cafe", "!"]: lower case, no accents, cut at spaces and around signs.
/** @param {string} text */
export function splitWords(text) {
  let plain = "";
  for (const c of text) {
    if (DROPPED.test(c)) continue;
    plain += CHINESE.test(c) ? ` ${c} ` : c;
  }
  const words = [];
  let word = "";
  const end = () => {
    if (word) words.push(word);
    word = "";
  };
  // Letter by letter: JavaScript writes a sigma at the end of a word in another way, the library does not.
  for (const c of plain.normalize("NFD").replace(/\p{Mn}/gu, "")) {
    const low = c.toLowerCase();
    if (/\s/.test(low)) end();
    else if (SIGN.test(low)) {
      end();
      words.push(low);
    } else word += low;
  }
  end();
  return words;
}

// vocabulary: the tokens in the order of their ids, the first four [PAD], [UNK], [CLS], [SEP].
/**
 * @param {string[]} vocabulary
 * @param {number} length
 */
export function makeTokenizer(vocabulary, length = 32) {
  const ids = new Map(vocabulary.map((token, id) => [token, id]));

  // The longest piece from the left, again and again; a word that cannot be written is one unknown token.
  /** @param {string} word */
  function pieces(word) {
    const letters = [...word];
    if (letters.length > LONGEST) return [UNKNOWN];
    const parts = [];
    for (let start = 0; start < letters.length;) {
      let end = letters.length;
      const part = () => (start ? "##" : "") + letters.slice(start, end).join("");
      while (end > start && !ids.has(part())) end -= 1;
      if (end === start) return [UNKNOWN];
      parts.push(part());
      start = end;
    }
    return parts;
  }

  // {ids, pieces} with [CLS] and [SEP], cut to the length of the network; `words` says which pieces each word became.
  /** @param {string} text */
  function encode(text) {
    const words = splitWords(text).map((word) => ({ word, pieces: pieces(word) }));
    const all = ["[CLS]", ...words.flatMap((w) => w.pieces)].slice(0, length - 1);
    all.push("[SEP]");
    return { ids: all.map((piece) => ids.get(piece)), pieces: all, words };
  }
  return { encode };
}
