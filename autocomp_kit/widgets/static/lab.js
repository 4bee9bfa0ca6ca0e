// KernelLab: an editor with problems at their lines, the verdict beside it, and a way into the beam.

import { append, button, calm, count, fill, h, open, percent, quietly, timed } from "./kit.js";
import { diffView } from "./diff.js";

/** CodeMirror comes once per page, from the kernel and not from a network. */
function loadEditor(view) {
  globalThis.ackCodeMirror ??= view.ask("editor").then(({ buffers: [file] }) => {
    const address = URL.createObjectURL(new Blob([file], { type: "text/javascript" }));
    return import(address).finally(() => URL.revokeObjectURL(address));
  });
  globalThis.ackCodeMirror.catch(() => (globalThis.ackCodeMirror = undefined));
  return globalThis.ackCodeMirror;
}

function renderLab(context) {
  const view = open(context, "lab", "Kernel lab");
  let editor = null; // {text(), replace(text), mark(problems, facts), toLine(line)}

  const title = h("span", { class: "ack-title" });
  const busy = h("span", { class: "ack-muted", "aria-live": "polite" });
  const evaluate = button("Evaluate", "Compile, run and check (Ctrl+Enter)", start, { class: "ack-primary" });
  const parent = h("select", { "aria-label": "Start from", on: { change: () => view.set({ parent: parent.value }) } });
  const place = h("div", { class: "ack-lab-editor" });
  const verdict = h("div", { class: "ack-lab-verdict", role: "region", "aria-label": "Verdict", "aria-live": "polite" });
  const plan = h("textarea", { rows: 3, "aria-label": "Plan", placeholder: "A plan in your words, for an agent to carry out or to go with your kernel", on: { input: () => keep(), change: () => keep.now(), keydown: (event) => event.stopPropagation() } });
  const item = h("select", { "aria-label": "Option of the menu", on: { change: () => view.set({ item_id: item.value }) } });
  const message = h("div", { class: "ack-muted", role: "status" });
  const differences = h("div");
  const searched = view.get("parents").length > 0;
  append(view.root, [
    h("div", { class: "ack-bar" }, title, busy, h("span", { class: "ack-space" }),
      searched ? [h("span", { class: "ack-muted" }, "start from"), parent, button("Take its code", "Put the code of that candidate into the editor", quietly(() => view.ask("take_parent")))] : null, evaluate),
    view.status,
    h("div", { class: "ack-lab-panes" }, place, verdict),
    searched ? h("div", { class: "ack-lab-plan" },
      h("div", { class: "ack-lab-write" }, plan, item),
      h("div", { class: "ack-bar" },
        button("Let the agent implement it", "The agent writes the kernel from the plan", quietly(async () => view.ask("start_implement", push()))),
        button("Put into the beam and go on", "The search continues with this kernel", quietly(async () => view.ask("submit", push()))), message)) : null,
    h("details", {}, h("summary", {}, "Differences from where you started"), differences),
  ]);

  /** Tell the kernel what is in the editor. */
  function push() {
    const shown = { code: editor ? editor.text() : view.get("code"), plan: plan.value };
    view.set(shown);
    return shown;
  }
  const keep = calm(push); // a draft survives a closed browser and a restarted kernel

  const run = quietly(async () => {
    evaluate.begun = performance.now();
    await view.ask("start_evaluate", push());
  });
  function start() {
    run();
  }

  // Editors

  function useTextarea() {
    const area = h("textarea", { class: "ack-lab-plain ack-code", spellcheck: "false", "aria-label": "Kernel", value: view.get("code"), on: {
      input: () => keep(),
      keydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); start(); }
        event.stopPropagation();
      },
    } });
    fill(place, area);
    editor = { text: () => area.value, replace: (text) => (area.value = text), mark: () => {}, toLine: () => area.focus() };
  }

  async function useCodeMirror() {
    const cm = await loadEditor(view);
    if (view.ended.aborted) return;
    const complete = cm.completeFromList(view.get("words").map((label) => ({ label, type: /^[A-Z]/.test(label) ? "constant" : "function" })));
    const style = cm.HighlightStyle.define([
      { tag: cm.tags.keyword, class: "ack-c-keyword" }, { tag: cm.tags.controlKeyword, class: "ack-c-keyword" }, { tag: cm.tags.comment, class: "ack-c-comment" },
      { tag: cm.tags.string, class: "ack-c-string" }, { tag: cm.tags.number, class: "ack-c-number" }, { tag: cm.tags.typeName, class: "ack-c-type" },
      { tag: cm.tags.standard(cm.tags.typeName), class: "ack-c-type" }, { tag: cm.tags.processingInstruction, class: "ack-c-meta" },
      { tag: cm.tags.function(cm.tags.variableName), class: "ack-c-command" },
    ]);
    const look = cm.EditorView.theme({
      "&": { fontSize: "12px", backgroundColor: "var(--ack-ground)", color: "var(--ack-text)", height: "430px" },
      ".cm-content": { fontFamily: "var(--ack-code)", caretColor: "var(--ack-text)" },
      ".cm-gutters": { backgroundColor: "var(--ack-sunken)", color: "var(--ack-muted)", border: "0" },
      ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--ack-accent) 9%, transparent)" },
      "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--ack-accent) 30%, transparent) !important" },
      ".cm-cursor": { borderLeftColor: "var(--ack-text)" },
      ".cm-tooltip": { backgroundColor: "var(--ack-raised)", color: "var(--ack-text)", border: "1px solid var(--ack-border)" },
      ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--ack-accent)", color: "var(--ack-ground)" },
    });
    const shown = new cm.EditorView({
      parent: place,
      doc: view.get("code"),
      extensions: [
        cm.lineNumbers(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(), cm.drawSelection(), cm.highlightSpecialChars(), cm.history(),
        cm.bracketMatching(), cm.closeBrackets(), cm.indentOnInput(), cm.indentUnit.of("  "), cm.cpp(), cm.syntaxHighlighting(style),
        cm.autocompletion({ override: [complete] }), cm.lintGutter(), look,
        cm.EditorView.contentAttributes.of({ "aria-label": "Kernel" }),
        cm.keymap.of([{ key: "Mod-Enter", run: () => { start(); return true; } }, cm.indentWithTab, ...cm.completionKeymap, ...cm.historyKeymap, ...cm.lintKeymap, ...cm.defaultKeymap]),
        cm.EditorView.updateListener.of((update) => { if (update.docChanged) keep(); }),
        cm.EditorView.domEventHandlers({ blur: () => { keep.now(); }, keydown: (event) => { event.stopPropagation(); } }),
      ],
    });
    view.ended.addEventListener("abort", () => shown.destroy());
    const span = (line) => {
      const found = shown.state.doc.line(Math.max(1, Math.min(shown.state.doc.lines, line)));
      return { from: found.from + (found.text.length - found.text.trimStart().length), to: found.to };
    };
    editor = {
      text: () => shown.state.doc.toString(),
      replace: (text) => shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: text } }),
      mark: (problems, facts) => {
        const notes = [
          ...problems.filter(([line]) => line).map(([line, text]) => ({ ...span(line), severity: "error", message: text })),
          ...facts.filter(([line]) => line).map(([line, kind, text]) => ({ ...span(line), severity: kind.startsWith("sanitizer") ? "warning" : "info", message: text })),
        ];
        shown.dispatch(cm.setDiagnostics(shown.state, notes));
      },
      toLine: (line) => {
        shown.dispatch({ selection: { anchor: span(line).from }, scrollIntoView: true });
        shown.focus();
      },
    };
    showResult();
    view.painted();
  }

  // What comes back

  function showResult() {
    const one = view.get("result");
    if (one.status === undefined) return fill(verdict, h("p", { class: "ack-muted" }, "Evaluate the kernel to see whether it is right and how many cycles it takes (simulated)."), attempts());
    if (evaluate.begun) timed("lab evaluate", evaluate.begun);
    evaluate.begun = 0;
    const change = (base, name) => (one.cycles && base ? h("div", { class: one.cycles <= base ? "ack-lab-good" : "ack-lab-bad" }, `${(base / one.cycles).toFixed(3)}x ${name} (${count(base)})`) : null);
    fill(verdict,
      h("div", { class: `ack-lab-status ${one.correct ? "ack-lab-good" : "ack-lab-bad"}` }, one.correct ? "\u2713 correct" : `\u2717 ${one.status}`),
      one.cycles ? h("div", { class: "ack-title ack-number" }, `${count(one.cycles)} cycles, ${percent(one.utilization)} of the array`) : null,
      change(one.parent_cycles, "over where you started"), change(one.previous_cycles, "over the last attempt"),
      one.problems.length ? h("ul", { class: "ack-problems" }, one.problems.map(([line, text]) => h("li", {}, line ? toLine(line) : null, text))) : null,
      one.facts.length ? h("ul", { class: "ack-facts" }, one.facts.map(([line, , text]) => h("li", {}, line ? toLine(line) : null, text.replace(/^Line \d+: /, "")))) : null,
      attempts());
    fill(differences, diffView(one.diff, "unified"));
    editor?.mark(one.problems, one.facts);
  }

  const toLine = (line) => button(`line ${line}`, `Go to line ${line}`, () => editor.toLine(line), { class: "ack-lab-line" });

  function attempts() {
    const list = view.get("attempts");
    if (!list.length) return null;
    return h("div", { class: "ack-lab-attempts" }, h("h4", {}, "Attempts"), [...list].reverse().map((one) =>
      button(`${one.number}: ${one.cycles ? count(one.cycles) : one.status}`, `Bring attempt ${one.number} back`, () => { editor.replace(one.code); push(); })));
  }

  function showParents() {
    fill(parent, view.get("parents").map(([id, label]) => h("option", { value: id, selected: id === view.get("parent") }, label)));
    fill(item, h("option", { value: "" }, "no option of the menu"), view.get("items").map(([id]) => h("option", { value: id, selected: id === view.get("item_id") }, id)));
    title.textContent = view.get("title");
    plan.value = view.get("plan");
    item.title = view.get("items").find(([id]) => id === view.get("item_id"))?.[1] ?? "";
  }

  function showBusy() {
    busy.textContent = view.get("busy") ? `${view.get("busy")} \u2026` : "";
    evaluate.disabled = Boolean(view.get("busy"));
  }

  view.watch("code", () => {
    if (editor && editor.text() !== view.get("code")) editor.replace(view.get("code"));
  });
  view.watch(["result", "attempts"], showResult);
  view.watch("busy", showBusy);
  view.watch("message", () => (message.textContent = view.get("message")));
  view.watch(["parents", "items", "parent", "plan", "item_id", "title"], showParents);
  showParents();
  showBusy();
  showResult();
  useCodeMirror().catch(() => { if (!editor) useTextarea(); });
  return view.end;
}

export default { render: renderLab };
