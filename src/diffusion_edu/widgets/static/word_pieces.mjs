// Words to token ids, as the library `tokenizers` does it with the settings of systems/tokenizer.py: BertNormalizer,
// BertPreTokenizer, WordPiece. No page needed.
const WP_DROPPED = /\ufffd|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u;
const WP_CHINESE = /[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;
const WP_SIGN = /[!-/:-@[-`{-~]|\p{P}/u;
const WP_LONGEST = 100; // letters of a word; a longer one is unknown
export const UNKNOWN = "[UNK]";

// "A Café!" -> ["a", "cafe", "!"]: lower case, no accents, cut at spaces and around signs.
export function splitWords(text) {
  let plain = "";
  for (const c of text) {
    if (WP_DROPPED.test(c)) continue;
    plain += WP_CHINESE.test(c) ? ` ${c} ` : c;
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
    else if (WP_SIGN.test(low)) {
      end();
      words.push(low);
    } else word += low;
  }
  end();
  return words;
}

// vocabulary: the tokens in the order of their ids, the first four [PAD], [UNK], [CLS], [SEP].
export function makeTokenizer(vocabulary, length = 32) {
  const ids = new Map(vocabulary.map((token, id) => [token, id]));

  // The longest piece from the left, again and again; a word that cannot be written is one unknown token.
  function pieces(word) {
    const letters = [...word];
    if (letters.length > WP_LONGEST) return [UNKNOWN];
    const found = [];
    for (let start = 0; start < letters.length; ) {
      let end = letters.length;
      const part = () => (start ? "##" : "") + letters.slice(start, end).join("");
      while (end > start && !ids.has(part())) end -= 1;
      if (end === start) return [UNKNOWN];
      found.push(part());
      start = end;
    }
    return found;
  }

  // {ids, pieces} with [CLS] and [SEP], cut to the length of the network; `words` says which pieces each word became.
  function encode(text) {
    const words = splitWords(text).map((word) => ({ word, pieces: pieces(word) }));
    const all = ["[CLS]", ...words.flatMap((w) => w.pieces)].slice(0, length - 1);
    all.push("[SEP]");
    return { ids: all.map((piece) => ids.get(piece)), pieces: all, words };
  }
  return { encode };
}
