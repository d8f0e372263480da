// Bloblang for CodeMirror: a stream parser, as CodeMirror 6 (`StreamLanguage.define`) and
// CodeMirror 5 (`defineMode`) take it. The playground of `sluice blobl server` uses this very file.
//
// Tokens: comment, string, number, atom, keyword, operator, punctuation, meta (metadata),
// variableName.special (this, root), variableName.local ($name), variableName.function (functions),
// propertyName.function (methods), propertyName (fields), variableName (other names), invalid.

const KEYWORDS = new Set(["else", "from", "if", "import", "let", "map", "match", "meta"]);
const ATOMS = new Set(["_", "false", "null", "true"]);
const SPECIAL = new Set(["root", "this"]);
const OPERATOR = /^(?:->|=>|==|!=|>=|<=|&&|\|\||[-+*\/%|=<>!])/;

/**
 * Makes the parser. With `words` ({functions: [...], methods: [...]}), calls of names that are not
 * among them are marked invalid.
 */
export function bloblang(words) {
  const functions = words && new Set(words.functions);
  const methods = words && new Set(words.methods);

  function name(stream, afterDot) {
    const text = stream.match(/^[A-Za-z0-9_]+/)[0];
    const isCall = stream.peek() === "(";
    if (isCall) {
      const known = afterDot ? methods : functions;
      if (known && !known.has(text)) return "invalid";
      return afterDot ? "propertyName.function" : "variableName.function";
    }
    if (afterDot) return "propertyName";
    if (KEYWORDS.has(text)) return "keyword";
    if (ATOMS.has(text)) return "atom";
    if (SPECIAL.has(text)) return "variableName.special";
    return "variableName";
  }

  function string(stream) {
    if (stream.match(/^"(?:[^"\\]|\\.)*"/)) return "string";
    stream.skipToEnd();
    return "invalid";
  }

  function text(stream, state) {
    if (stream.match('"""')) state.inText = false;
    else if (!stream.match(/^(?:[^"]|"(?!""))+/)) stream.skipToEnd();
    return "string";
  }

  function token(stream, state) {
    if (state.inText) return text(stream, state);
    if (stream.eatSpace()) return null;
    const afterDot = state.afterDot;
    if (stream.match(/^#.*/)) return "comment"; // a comment may stand between a dot and its name
    state.afterDot = false;
    if (stream.match('"""')) {
      state.inText = true;
      return "string";
    }
    const next = stream.peek();
    if (next === '"') return string(stream);
    if (next === ".") {
      stream.next();
      state.afterDot = true;
      return "punctuation";
    }
    if (stream.match(/^\$[A-Za-z0-9_]+/)) return "variableName.local";
    if (stream.match(/^@(?:"(?:[^"\\]|\\.)*"|[A-Za-z0-9_]*)/)) return "meta";
    if (!afterDot && stream.match(/^[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_])/)) return "number";
    if (/[A-Za-z0-9_]/.test(next)) return name(stream, afterDot);
    if (stream.match(OPERATOR)) return "operator";
    if (stream.match(/^[()[\]{},:]/)) return "punctuation";
    stream.next();
    return "invalid";
  }

  return {
    name: "bloblang",
    startState: () => ({ inText: false, afterDot: false }),
    copyState: (state) => ({ ...state }),
    token,
    languageData: {
      commentTokens: { line: "#" },
      closeBrackets: { brackets: ["(", "[", "{", '"', '"""'] },
      indentOnInput: /^\s*[}\])]$/,
    },
  };
}
