// A diff as Python lays it out (rows of kind, left number, left, right number, right), side by side or unified.

import { h, highlightC } from "./kit.js";

export function diffView(rows, layout) {
  if (!rows.length) return h("p", { class: "ack-muted" }, "Nothing to compare with.");
  if (rows.every(([kind]) => kind === "same" || kind === "fold")) return h("p", { class: "ack-muted" }, "The code is the same.");
  const body = h("tbody", {}, layout === "split" ? rows.map(splitRow) : unifiedRows(rows));
  const columns = layout === "split" ? [["ack-d-no"], ["ack-d-half"], ["ack-d-no"], ["ack-d-half"]] : [["ack-d-no"], ["ack-d-no"], []];
  const group = h("colgroup", {}, columns.map(([name]) => h("col", { class: name })));
  return h("div", { class: "ack-scroll", tabindex: 0, role: "region", "aria-label": "code differences" },
    h("table", { class: `ack-diff ack-diff-${layout}` }, group, body));
}

function splitRow([kind, leftNumber, left, rightNumber, right]) {
  if (kind === "fold") return fold(leftNumber, 4);
  const [leftText, rightText] = kind === "changed" ? words(left, right) : [highlightC(left), highlightC(right)];
  const leftKind = { changed: "removed", removed: "removed", added: "none" }[kind] ?? "same";
  const rightKind = { changed: "added", added: "added", removed: "none" }[kind] ?? "same";
  return h("tr", {},
    h("td", { class: "ack-d-no" }, leftNumber || ""), cell(leftKind, leftText),
    h("td", { class: "ack-d-no" }, rightNumber || ""), cell(rightKind, rightText));
}

function unifiedRows(rows) {
  const lines = [];
  let added = [];
  const flush = () => { lines.push(...added); added = []; };
  for (const [kind, leftNumber, left, rightNumber, right] of rows) {
    const [leftText, rightText] = kind === "changed" ? words(left, right) : [highlightC(left), highlightC(right)];
    if (kind === "changed" || kind === "removed") lines.push(line("removed", leftNumber, "", leftText));
    if (kind === "changed" || kind === "added") added.push(line("added", "", rightNumber, rightText));
    if (kind === "same") { flush(); lines.push(line("same", leftNumber, rightNumber, leftText)); }
    if (kind === "fold") { flush(); lines.push(fold(leftNumber, 3)); }
  }
  flush();
  return lines;
}

function line(kind, leftNumber, rightNumber, text) {
  return h("tr", {}, h("td", { class: "ack-d-no" }, leftNumber), h("td", { class: "ack-d-no" }, rightNumber), cell(kind, text));
}

function cell(kind, text) {
  const sign = { added: "+", removed: "\u2212" }[kind] ?? "";
  return h("td", { class: `ack-d-${kind}`, "data-sign": sign }, h("div", { class: "ack-code" }, text));
}

function fold(lines, columns) {
  return h("tr", { class: "ack-d-fold" }, h("td", { colspan: columns }, `${lines} equal lines`));
}

/** Highlight what lies between the common beginning and the common end of two lines. */
function words(left, right) {
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head++;
  while (head > 0 && /\w/.test(left[head - 1])) head--;
  let tail = 0;
  while (tail < left.length - head && tail < right.length - head && left[left.length - 1 - tail] === right[right.length - 1 - tail]) tail++;
  while (tail > 0 && /\w/.test(left[left.length - tail])) tail--;
  return [marked(left, head, tail, "removed"), marked(right, head, tail, "added")];
}

function marked(text, head, tail, kind) {
  const middle = text.slice(head, text.length - tail);
  return [highlightC(text.slice(0, head)), h("span", { class: `ack-d-word-${kind}` }, highlightC(middle)), highlightC(text.slice(text.length - tail))];
}
