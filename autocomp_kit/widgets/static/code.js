// C source with numbered lines that can be chosen, and a measure in the margin of each.

import { fill, h, highlightC } from "./kit.js";

/** A list of lines; `choose(line)` is called for a click or Enter, arrows move. */
export function codeList(label, choose) {
  const list = h("div", { class: "ack-scroll ack-lines", role: "listbox", tabindex: 0, "aria-label": label, on: { keydown: onKey } });
  let rows = [];
  let current = 0;

  function onKey(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    choose(Math.max(1, Math.min(rows.length, (current || 0) + step)));
  }

  /** `weights` maps a line to [share of the widest bar, text]. */
  function show(code, weights) {
    rows = code.split("\n").map((text, index) => {
      const line = index + 1;
      const [share, title] = weights.get(line) ?? [0, ""];
      return h("div", { class: "ack-line", role: "option", title, "aria-selected": "false", on: { click: () => choose(line === current ? 0 : line) } },
        h("span", { class: "ack-line-bar" }, h("span", { style: { width: `${Math.round(100 * share)}%` } })),
        h("span", { class: "ack-line-no" }, line), h("span", { class: "ack-code" }, highlightC(text)));
    });
    fill(list, rows);
    select(current, false);
  }

  function select(line, scroll = true) {
    rows[current - 1]?.setAttribute("aria-selected", "false");
    current = line;
    const row = rows[line - 1];
    if (!row) return;
    row.setAttribute("aria-selected", "true");
    if (scroll && (row.offsetTop < list.scrollTop || row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight)) {
      list.scrollTop = row.offsetTop - list.clientHeight / 3;
    }
  }
  return { list, show, select };
}
