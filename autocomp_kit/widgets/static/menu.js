// MenuEditor: the options as a table, and a preview of what a seed draws.

import { append, button, fill, h, open, quietly } from "./kit.js";

function renderMenu(context) {
  const view = open(context, "menu", "Menu of optimisations");
  let items = [];

  const title = h("span", { class: "ack-title" });
  const body = h("tbody");
  const undo = button("Undo", "Take back the last change (Ctrl+Z outside of a text)", quietly(() => view.ask("take_back")));
  const probability = h("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Keep probability", on: { input: () => view.set({ keep_probability: Number(probability.value) }) } });
  const expected = h("span", { class: "ack-number" });
  const seed = h("input", { type: "number", min: 0, step: 1, class: "ack-menu-seed", "aria-label": "Seed of the preview", on: { change: () => view.set({ seed: Math.max(0, Math.round(Number(seed.value)) || 0) }), keydown: (event) => event.stopPropagation() } });
  const path = h("input", { type: "text", size: 24, placeholder: "my_menu.yaml", "aria-label": "File of the menu", on: { keydown: (event) => event.stopPropagation() } });
  const changes = h("div", { class: "ack-muted", "aria-live": "polite" });
  const prompt = h("div");
  const preview = h("div", { class: "ack-menu-offered", "aria-live": "polite" });
  append(view.root, [
    h("div", { class: "ack-bar" }, title, h("span", { class: "ack-space" }), button("Add", "Add an option", add), undo,
      button("Reset", "Go back to the menu as it was opened", quietly(() => view.ask("reset"))), path,
      button("Save", "Save as YAML", quietly(() => file("save"))), button("Load", "Load from YAML, or a shipped menu by name", quietly(() => file("load")))),
    view.status,
    h("div", { class: "ack-scroll ack-menu-scroll" }, h("table", { class: "ack-menu-table" }, h("thead", {}, h("tr", {}, ["on", "option", "what a model reads", "weight", "in past runs", ""].map((text) => h("th", {}, text)))), body)),
    changes,
    h("h4", {}, "What the next plan would be offered"),
    h("div", { class: "ack-bar" }, h("label", { class: "ack-bar" }, "keep probability", probability), expected, h("label", { class: "ack-bar" }, "seed", seed), button("Next seed", "Preview the next seed", () => view.set({ seed: view.get("seed") + 1 })),
      view.get("has_run") ? button("Show the prompt", "The prompt that this draw leads to", quietly(showPrompt)) : null),
    preview, prompt,
  ]);
  view.root.addEventListener("keydown", (event) => {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || /INPUT|TEXTAREA/.test(event.target.tagName)) return;
    event.preventDefault();
    event.stopPropagation();
    quietly(() => view.ask("take_back"))();
  });

  async function file(action) {
    const { text } = await view.ask(action, { path: path.value });
    view.say(text);
  }

  async function showPrompt() {
    const { text } = await view.ask("prompt");
    fill(prompt, h("div", { class: "ack-scroll", tabindex: 0 }, h("pre", { class: "ack-pad ack-wrap" }, text)));
  }

  const send = quietly((changed) => view.ask("edit", { items: changed }));
  const change = (index, field, value) => send(items.map((item, place) => (place === index ? { ...item, [field]: value } : item)));
  const unused = (wanted) => {
    let name = wanted;
    for (let number = 2; items.some((item) => item.item_id === name); number++) name = `${wanted}-${number}`;
    return name;
  };

  function add() {
    send([...items, { item_id: unused("my-option"), text: "Describe the change.", enabled: true, weight: 1, preconditions: "", effect: "", rewrite: null, always: false }]);
  }
  const duplicate = (index) => send([...items.slice(0, index + 1), { ...items[index], item_id: unused(items[index].item_id) }, ...items.slice(index + 1)]);
  const remove = (index) => send(items.filter((_, place) => place !== index));
  function move(index, step) {
    const to = index + step;
    if (to < 0 || to >= items.length) return;
    const changed = [...items];
    [changed[index], changed[to]] = [changed[to], changed[index]];
    focusNext = `${items[index].item_id} ${step < 0 ? "up" : "down"}`;
    send(changed);
  }
  let focusNext = null;

  function row(item, index) {
    const key = (field) => ({ "data-key": `${item.item_id} ${field}` });
    const text = (field, label, lines) => h("textarea", { ...key(field), rows: lines, "aria-label": `${label} of ${item.item_id}`, placeholder: label, value: item[field], on: { change: (event) => change(index, field, event.target.value), keydown: (event) => event.stopPropagation() } });
    const record = view.get("statistics")[item.item_id];
    return h("tr", { "data-item": item.item_id, class: item.enabled ? "" : "ack-menu-off" },
      h("td", {}, h("input", { type: "checkbox", ...key("enabled"), checked: item.enabled, "aria-label": `Offer ${item.item_id}`, on: { change: (event) => change(index, "enabled", event.target.checked) } })),
      h("td", {}, h("input", { type: "text", class: "ack-menu-id", ...key("item_id"), value: item.item_id, "aria-label": `Id of ${item.item_id}`, on: { change: (event) => change(index, "item_id", event.target.value.trim()), keydown: (event) => event.stopPropagation() } }),
        h("div", { class: "ack-muted ack-menu-note" }, item.always ? "always offered" : item.rewrite ? "offline rules can do it" : "needs a model or a person")),
      h("td", { class: "ack-menu-texts" }, text("text", "what to do", 2), text("preconditions", "preconditions", 1)),
      h("td", {}, h("input", { type: "number", min: 0, step: 0.1, class: "ack-menu-weight", ...key("weight"), value: item.weight, "aria-label": `Weight of ${item.item_id}`, on: { change: (event) => change(index, "weight", Number(event.target.value)), keydown: (event) => event.stopPropagation() } })),
      h("td", { class: "ack-menu-record" }, record ? statistics(record) : h("span", { class: "ack-muted" }, "never offered")),
      h("td", { class: "ack-menu-actions" },
        button("\u2191", `Move ${item.item_id} up`, () => move(index, -1), { ...key("up"), disabled: index === 0 }), button("\u2193", `Move ${item.item_id} down`, () => move(index, 1), { ...key("down"), disabled: index === items.length - 1 }),
        button("Copy", `Duplicate ${item.item_id}`, () => duplicate(index)), button("\u00d7", `Delete ${item.item_id}`, () => remove(index))));
  }

  function statistics([offered, chosen, candidates, correct, faster, gain]) {
    const share = candidates ? faster / candidates : 0;
    return [
      h("div", { class: "ack-menu-gauge", title: `${faster} of ${candidates} candidates were faster than their parents` }, h("span", { style: { width: `${Math.round(100 * share)}%` } })),
      h("div", { class: "ack-muted" }, `chosen ${chosen} of ${offered}; faster ${faster} of ${candidates}${correct < candidates ? `, ${candidates - correct} failed` : ""}${gain > 1 ? `; best ${gain.toFixed(2)}x` : ""}`),
    ];
  }

  function show() {
    const focused = focusNext ?? view.root.ownerDocument.activeElement?.getAttribute?.("data-key");
    focusNext = null;
    items = view.get("items");
    title.textContent = `Menu ${view.get("name")}: ${items.length} options`;
    fill(body, items.map(row));
    if (focused) [...body.querySelectorAll("[data-key]")].find((one) => one.getAttribute("data-key") === focused)?.focus();
    showDraw();
    view.painted();
  }

  function showDraw() {
    const offered = view.get("offered");
    for (const one of body.children) one.classList.toggle("ack-menu-drawn", offered.includes(one.getAttribute("data-item")));
    undo.disabled = !view.get("can_undo");
    probability.value = view.get("keep_probability");
    seed.value = view.get("seed");
    expected.textContent = `${view.get("keep_probability").toFixed(2)}: ${view.get("expected").toFixed(1)} options on average`;
    fill(preview, offered.length ? offered.map((id) => h("span", { class: "ack-chip" }, id)) : h("span", { class: "ack-muted" }, "Nothing can be offered."));
    const list = view.get("changes");
    changes.textContent = list.length ? `Changed: ${list.join("; ")}.` : "";
    fill(prompt);
  }

  view.watch("items", show);
  view.watch(["offered", "expected", "can_undo", "changes", "keep_probability", "seed"], showDraw);
  show();
  return view.end;
}

export default { render: renderMenu };
