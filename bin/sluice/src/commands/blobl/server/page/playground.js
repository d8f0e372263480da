// The playground: runs the mapping while it is written, marks what is wrong, completes, explains.
// Everything that knows the language is asked of the server; only colours are made here.

import { bloblang } from "/bloblang.js";

const byId = (id) => document.getElementById(id);
const mapping = byId("mapping");
const input = byId("input");
const output = byId("output");
const colours = byId("colours");
const choices = byId("choices");
const explanation = byId("explanation");
const problemList = byId("problems");
const status = byId("status");
const reference = byId("reference");

const DELAY = 200; // milliseconds of quiet before the mapping runs

let problems = [];
let grammar = bloblang();
let words = { keywords: [], functions: [], methods: [] };
let completion = null; // what is offered: {start, end, items, chosen}
let mayLeave = false; // Escape was pressed: the next Tab moves on

// ---- the server

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(path, options);
  if (!response.ok) throw new Error((await response.text()).trim());
  return response.json();
}

function say(text, isError) {
  status.textContent = text;
  status.classList.toggle("error", Boolean(isError));
}

/** Calls `work` after a pause; an answer that a newer call overtook is dropped. */
function latest(work, done) {
  let timer;
  let count = 0;
  return (delay) => {
    clearTimeout(timer);
    const own = ++count;
    timer = setTimeout(async () => {
      try {
        const answer = await work();
        if (own === count) done(answer);
      } catch (error) {
        if (own === count) say(`The server did not answer: ${error.message}`, true);
      }
    }, delay);
  };
}

// ---- running

let began = 0;
const run = latest(
  () => {
    began = performance.now();
    return ask("/execute", { mapping: mapping.value, input: input.value });
  },
  (answer) => {
    const error = answer.parse_error ?? answer.mapping_error;
    output.textContent = error ?? answer.result;
    output.classList.toggle("error", error != null);
    problems = answer.problems;
    showProblems();
    paint();
    const took = Math.round(performance.now() - began);
    if (error == null) say(`Mapped in ${took} ms`);
    else if (answer.parse_error != null) say(problems.length > 1 ? `${problems.length} problems in the mapping` : "A problem in the mapping", true);
    else say("The mapping failed on this input", true);
  },
);

function showProblems() {
  problemList.replaceChildren(
    ...problems.map((problem) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `line ${problem.line}: ${problem.message}`;
      button.title = problem.code;
      if (problem.hint) {
        const hint = document.createElement("span");
        hint.className = "hint";
        hint.textContent = problem.hint;
        button.append(hint);
      }
      button.addEventListener("click", () => {
        mapping.focus();
        mapping.setSelectionRange(problem.start, Math.max(problem.end, problem.start));
      });
      item.append(button);
      return item;
    }),
  );
}

// ---- colours

/** What the grammar reads from: one line. */
class Line {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }
  peek() {
    return this.text[this.at];
  }
  next() {
    return this.text[this.at++];
  }
  skipToEnd() {
    this.at = this.text.length;
  }
  eatSpace() {
    const before = this.at;
    while (/\s/.test(this.text[this.at] ?? "x")) this.at++;
    return this.at > before;
  }
  match(pattern) {
    const rest = this.text.slice(this.at);
    const found = typeof pattern === "string" ? (rest.startsWith(pattern) ? [pattern] : null) : rest.match(pattern);
    if (found) this.at += found[0].length;
    return found;
  }
}

const CLASSES = {
  "variableName.special": "special",
  "variableName.local": "local",
  "variableName.function": "function",
  "propertyName.function": "function",
  propertyName: "field",
  variableName: "field",
};

/** Pieces of the text: [start, end, class]. */
function pieces(text) {
  const state = grammar.startState();
  const all = [];
  let start = 0;
  for (const line of text.split("\n")) {
    const stream = new Line(line);
    while (stream.at < line.length) {
      const from = stream.at;
      const token = grammar.token(stream, state);
      if (stream.at === from) stream.next(); // never stand still
      if (token) all.push([start + from, start + stream.at, CLASSES[token] ?? token]);
    }
    start += line.length + 1;
  }
  return all;
}

function paint() {
  const text = mapping.value;
  const edges = new Set([0, text.length]);
  const coloured = text.length > 200_000 ? [] : pieces(text);
  const marked = problems.map((it) => [it.start, Math.max(it.end, it.start + 1)]);
  for (const [start, end] of [...coloured, ...marked]) edges.add(Math.min(start, text.length)).add(Math.min(end, text.length));
  const places = [...edges].sort((a, b) => a - b);
  const nodes = [];
  let next = 0;
  for (let i = 0; i + 1 < places.length; i++) {
    const [from, to] = [places[i], places[i + 1]];
    while (next < coloured.length && coloured[next][1] <= from) next++;
    const piece = coloured[next];
    const names = [];
    if (piece && piece[0] <= from) names.push(`t-${piece[2]}`);
    if (marked.some(([start, end]) => start <= from && from < end)) names.push("problem");
    const part = text.slice(from, to);
    if (names.length === 0) {
      nodes.push(part);
      continue;
    }
    const span = document.createElement("span");
    span.className = names.join(" ");
    span.textContent = part;
    nodes.push(span);
  }
  // A problem at the very end has nothing to underline but a space.
  if (marked.some(([start]) => start >= text.length)) {
    const span = document.createElement("span");
    span.className = "problem";
    span.textContent = " ";
    nodes.push(span);
  }
  colours.replaceChildren(...nodes, "\n ");
  follow();
}

function follow() {
  colours.scrollTop = mapping.scrollTop;
  colours.scrollLeft = mapping.scrollLeft;
}

// ---- completion

const complete = latest(
  () => ask("/complete", { mapping: mapping.value, offset: mapping.selectionStart }),
  (answer) => {
    const typed = mapping.value.slice(answer.start, mapping.selectionStart).toLowerCase();
    const fits = (item) => item.label.toLowerCase();
    const items = answer.items
      .filter((item) => fits(item).includes(typed) && fits(item) !== typed + ":")
      .sort((a, b) => fits(b).startsWith(typed) - fits(a).startsWith(typed));
    const isWritten = items.length === 1 && fits(items[0]) === typed && items[0].kind !== "method" && items[0].kind !== "function";
    if (items.length === 0 || isWritten) return close();
    completion = { start: answer.start, end: answer.end, items, chosen: 0 };
    offer();
  },
);

function close() {
  completion = null;
  choices.hidden = true;
  explanation.hidden = true;
  mapping.removeAttribute("aria-activedescendant");
}

/** Where the caret is, in pixels of the editor. */
function caret(offset) {
  const probe = document.createElement("span");
  const before = mapping.value.slice(0, offset);
  const row = before.split("\n").length - 1;
  probe.textContent = before.slice(before.lastIndexOf("\n") + 1) || "";
  probe.style.cssText = "position:absolute;visibility:hidden;white-space:pre;font:14px/1.5 var(--mono);tab-size:2";
  byId("editor").append(probe);
  const left = probe.getBoundingClientRect().width + 12 - mapping.scrollLeft;
  probe.remove();
  return { left, top: (row + 1) * 21 + 12 - mapping.scrollTop };
}

function offer() {
  choices.replaceChildren(
    ...completion.items.slice(0, 200).map((item, at) => {
      const row = document.createElement("li");
      row.id = `choice-${at}`;
      row.setAttribute("role", "option");
      const label = document.createElement("span");
      label.textContent = item.label;
      label.classList.toggle("old", item.deprecated);
      const kind = document.createElement("span");
      kind.className = "kind";
      kind.textContent = item.kind;
      row.append(label, kind);
      row.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(at);
        take();
      });
      return row;
    }),
  );
  choices.hidden = false;
  const place = caret(completion.start);
  const room = byId("editor").getBoundingClientRect();
  choices.style.left = `${Math.max(0, Math.min(place.left, room.width * 0.5))}px`;
  choices.style.top = `${place.top}px`;
  choose(0);
}

function choose(at) {
  const count = choices.children.length;
  completion.chosen = (at + count) % count;
  [...choices.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === completion.chosen)));
  const row = choices.children[completion.chosen];
  row.scrollIntoView({ block: "nearest" });
  mapping.setAttribute("aria-activedescendant", row.id);
  const item = completion.items[completion.chosen];
  if (!item.documentation) {
    explanation.hidden = true;
    return;
  }
  explanation.replaceChildren(markdown(item.documentation));
  explanation.hidden = false;
  explanation.scrollTop = 0;
  explanation.style.top = choices.style.top;
  explanation.style.left = `${choices.offsetLeft + choices.offsetWidth + 6}px`;
}

function take() {
  const item = completion.items[completion.chosen];
  const { start } = completion;
  let end = Math.max(completion.end, mapping.selectionStart);
  let text = item.insert.replaceAll("\\$", "\u0000");
  // A call that is there already keeps its arguments.
  if (mapping.value[end] === "(" && text.includes("(")) text = text.slice(0, text.indexOf("("));
  if (text.endsWith(": $0") && mapping.value[end] === ":") end += 1;
  const hole = text.indexOf("$0");
  text = text.replace("$0", "").replaceAll("\u0000", "$");
  close();
  mapping.setSelectionRange(start, end);
  write(text);
  const place = start + (hole < 0 ? text.length : hole);
  mapping.setSelectionRange(place, place);
}

/** Replaces the selection so that the browser's undo knows of it. */
function write(text) {
  mapping.focus();
  if (!document.execCommand("insertText", false, text)) {
    mapping.setRangeText(text, mapping.selectionStart, mapping.selectionEnd, "end");
    mapping.dispatchEvent(new Event("input"));
  }
}

// ---- documentation

/** Text with `code`, **emphasis** and links, of which the name stays. */
function inline(text, parent) {
  for (const part of text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/)) {
    const element = (name) => parent.appendChild(document.createElement(name));
    if (/^`.+`$/.test(part)) element("code").textContent = part.slice(1, -1);
    else if (/^\*\*.+\*\*$/.test(part)) element("strong").textContent = part.slice(2, -2);
    else if (/^\[.*\)$/.test(part)) inline(part.slice(1, part.indexOf("](")), parent);
    else parent.append(part);
  }
}

/** The Markdown of declarations: paragraphs, quotes, code, tables, `code` and links. */
function markdown(text) {
  const root = document.createElement("div");
  root.className = "doc";
  const lines = text.split("\n");
  const element = (name, parent) => parent.appendChild(document.createElement(name));
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    if (line.startsWith("```")) {
      const code = [];
      while (++at < lines.length && !lines[at].startsWith("```")) code.push(lines[at]);
      element("pre", root).textContent = code.join("\n");
    } else if (line.startsWith("|")) {
      const table = element("table", root);
      for (; at < lines.length && lines[at].startsWith("|"); at++) {
        if (lines[at].startsWith("|---")) continue;
        const row = element("tr", table);
        const cells = lines[at].slice(1, -1).split(/(?<!\\)\|/);
        for (const cell of cells) inline(cell.trim().replaceAll("\\|", "|"), element(table.rows.length > 1 ? "td" : "th", row));
      }
      at--;
    } else if (line.startsWith("> ")) {
      inline(line.slice(2), element("blockquote", root));
    } else if (line.trim()) {
      const paragraph = [line];
      while (lines[at + 1]?.trim() && !/^(```|\||> )/.test(lines[at + 1])) paragraph.push(lines[++at]);
      inline(paragraph.join(" "), element("p", root));
    }
  }
  return root;
}

function search() {
  const wanted = byId("find").value.trim().toLowerCase();
  const all = [...words.keywords, ...words.functions, ...words.methods];
  const named = all.filter((word) => word.name.toLowerCase().includes(wanted));
  const told = all.filter((word) => !named.includes(word) && word.summary.toLowerCase().includes(wanted));
  byId("found").replaceChildren(
    ...[...named, ...told].map((word) => {
      const details = document.createElement("details");
      const summary = document.createElement("summary");
      const code = document.createElement("code");
      code.textContent = word.signature;
      summary.append(code, " ");
      inline(word.summary, summary);
      details.append(summary);
      details.addEventListener("toggle", () => {
        if (details.open && details.children.length === 1) details.append(markdown(word.documentation));
      });
      return details;
    }),
  );
}

function toggleReference(wanted = reference.hidden) {
  reference.hidden = !wanted;
  byId("help").setAttribute("aria-expanded", String(wanted));
  if (wanted) {
    // Opened while a name is being looked at, it shows that one.
    const { value, selectionStart: at } = mapping;
    const before = value.slice(0, at).match(/[A-Za-z0-9_]*$/)[0];
    const word = before + value.slice(at).match(/^[A-Za-z0-9_]*/)[0];
    const all = [...words.keywords, ...words.functions, ...words.methods];
    if (all.some((it) => it.name === word)) byId("find").value = word;
    byId("find").select();
    search();
    byId("find").focus();
  } else {
    mapping.focus();
  }
}

// ---- commands

async function format() {
  try {
    const answer = await ask("/format", { mapping: mapping.value });
    if (answer.formatted === undefined) return say("Only a mapping without mistakes can be formatted", true);
    if (answer.formatted !== mapping.value) {
      // The caret stays on its line.
      const row = mapping.value.slice(0, mapping.selectionStart).split("\n").length - 1;
      mapping.setSelectionRange(0, mapping.value.length);
      write(answer.formatted);
      const before = answer.formatted.split("\n").slice(0, row + 1).join("\n");
      mapping.setSelectionRange(before.length, before.length);
    }
    close();
    say("Formatted");
  } catch (error) {
    say(`The server did not answer: ${error.message}`, true);
  }
}

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.classList.contains("dark") || (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
  setTheme(isDark ? "light" : "dark");
}

function setTheme(name) {
  document.documentElement.classList.remove("light", "dark");
  if (name) document.documentElement.classList.add(name);
  try {
    localStorage.setItem("theme", name ?? "");
  } catch {
    // Kept for this page only.
  }
}

function indent(event) {
  const { selectionStart: start, selectionEnd: end, value } = mapping;
  if (!event.shiftKey && start === end) return write("  ");
  const from = value.lastIndexOf("\n", start - 1) + 1;
  const to = end > from && value[end - 1] === "\n" ? end - 1 : end;
  const lines = value.slice(from, to).split("\n");
  const changed = lines.map((line) => (event.shiftKey ? line.replace(/^( {1,2}|\t)/, "") : `  ${line}`)).join("\n");
  mapping.setSelectionRange(from, to);
  write(changed);
  mapping.setSelectionRange(from, from + changed.length);
}

function newLine() {
  const before = mapping.value.slice(0, mapping.selectionStart);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const lead = line.match(/^\s*/)[0];
  write(`\n${lead}${/[{([.]\s*$/.test(line) ? "  " : ""}`);
}

mapping.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (completion) {
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (plain && moves[event.key]) {
      event.preventDefault();
      return choose(completion.chosen + moves[event.key]);
    }
    if (plain && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      return take();
    }
    if (event.key === "Escape") {
      event.preventDefault();
      return close();
    }
  }
  if (event.ctrlKey && event.key === " ") {
    event.preventDefault();
    return complete(0);
  }
  if (event.key === "Escape") mayLeave = true;
  else if (event.key === "Tab" && plain && !mayLeave) {
    event.preventDefault();
    indent(event);
  } else if (event.key === "Enter" && plain && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    newLine();
  } else if (event.key !== "Shift") mayLeave = false;
});

mapping.addEventListener("input", (event) => {
  // Marks of what was wrong move with the text only once it was read again.
  problems = [];
  paint();
  run(DELAY);
  const typed = event.data ?? "";
  if (/[A-Za-z0-9_.$@]$/.test(typed) && event.inputType === "insertText" && typed.length === 1) complete(60);
  else if (completion) close();
});
mapping.addEventListener("scroll", () => {
  follow();
  close();
});
mapping.addEventListener("blur", () => setTimeout(close, 150));
mapping.addEventListener("click", close);
input.addEventListener("input", () => run(DELAY));
byId("format").addEventListener("click", format);
byId("help").addEventListener("click", () => toggleReference());
byId("theme").addEventListener("click", switchTheme);
byId("find").addEventListener("input", search);
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(output.textContent);
  say("Copied");
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    event.preventDefault();
    format();
  } else if (event.key === "F1") {
    event.preventDefault();
    toggleReference();
  } else if (event.key === "Escape" && !reference.hidden && reference.contains(document.activeElement)) {
    toggleReference(false);
  }
});

// ---- begin

try {
  setTheme(localStorage.getItem("theme") || null);
} catch {
  // The browser keeps nothing.
}
try {
  const state = await ask("/state");
  mapping.value = state.mapping;
  input.value = state.input;
  paint();
  run(0);
  words = await ask("/words");
  grammar = bloblang({ functions: words.functions.map((it) => it.name), methods: words.methods.map((it) => it.name) });
  paint();
  mapping.focus();
  mapping.setSelectionRange(0, 0);
} catch (error) {
  say(`The server did not answer: ${error.message}`, true);
}
