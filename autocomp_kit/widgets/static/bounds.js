// BoundsView: cycles over host instructions, with the lines that no kernel can go below.

import { append, count, fill, h, open, percent, perFrame } from "./kit.js";
import { drawChart } from "./chart.js";

const HEIGHT = 380;
const BOUNDS = { array: ["green", "array: every cycle a full product"], memory: ["purple", "memory: every input loaded once"], host: ["orange", "host: one instruction per cycle"] };

function renderBounds(context) {
  const view = open(context, "bounds", "Candidates and the bounds of the machine");
  let nearest = () => -1;
  let shown = [];

  const title = h("span", { class: "ack-title" });
  const canvas = h("canvas", { tabindex: 0, role: "application", "aria-label": "Candidates; arrows go from faster to slower", on: { pointerdown: onPick, pointermove: onHover, pointerleave: () => (hint.hidden = true), keydown: onKey } });
  const hint = h("div", { class: "ack-hint", hidden: true });
  const picture = h("div", { class: "ack-time-picture" }, canvas, hint);
  const detail = h("div", { class: "ack-bounds-detail", tabindex: 0, role: "region", "aria-label": "Where the selected candidate loses", "aria-live": "polite" });
  const key = (colour, text) => h("span", { class: "ack-key" }, h("span", { class: "ack-swatch", style: { background: `var(--ack-${colour})` } }), text);
  append(view.root, [h("div", { class: "ack-bar" }, title), h("div", { class: "ack-bounds-panes" },
    h("div", {}, picture, h("div", { class: "ack-time-legend" }, Object.values(BOUNDS).map(([colour, text]) => key(colour, text)), key("blue", "kept"), key("grey", "not kept"), key("vermilion", "selected"))),
    detail), view.status]);

  const draw = perFrame(() => {
    const data = view.get("overview");
    const width = picture.clientWidth;
    if (!data.ids || !width) return;
    shown = data.ids.map((_, index) => index).sort((a, b) => Number(data.kept[a]) - Number(data.kept[b]) || data.cycles[b] - data.cycles[a]);
    const reach = (values, more = []) => {
      const all = [...values, ...more].filter((value) => value > 0);
      return [all.reduce((a, b) => Math.min(a, b), Infinity) * 0.8, all.reduce((a, b) => Math.max(a, b), 1) * 1.25];
    };
    const least = Math.min(...data.cycles) / 20; // a bound further below says nothing
    const bounds = [{ y: data.array, colour: "green" }, { slope: 1, colour: "orange", dash: [7, 3] }];
    if (data.memory) bounds.push({ y: data.memory, colour: "purple", dash: [2, 3] });
    nearest = drawChart(canvas, view.root, {
      width, height: HEIGHT, xLog: true, bounds, labels: ["host instructions", "cycles (simulated)"],
      xRange: reach(data.instret), yRange: reach(data.cycles, [data.array, data.memory ?? data.array, Math.min(...data.instret)].map((bound) => Math.max(bound, least))),
      points: shown.map((index) => ({ x: data.instret[index], y: data.cycles[index], colour: data.kept[index] ? "blue" : "grey", size: data.kept[index] ? 4.5 : 3, alpha: data.kept[index] ? 0.95 : 0.55, ring: data.ids[index] === view.get("selected") })),
    });
    view.painted();
  });

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const found = nearest(event.clientX - box.left, event.clientY - box.top);
    return found < 0 ? -1 : shown[found];
  };
  function onPick(event) {
    canvas.focus();
    const index = at(event);
    if (index >= 0) view.set({ selected: view.get("overview").ids[index] });
  }
  function onHover(event) {
    const index = at(event);
    hint.hidden = index < 0;
    if (index < 0) return;
    const data = view.get("overview");
    const box = canvas.getBoundingClientRect();
    hint.textContent = `${data.ids[index]}\n${count(data.cycles[index])} cycles, ${count(data.instret[index])} host instructions`;
    hint.style.left = `${Math.min(event.clientX - box.left + 12, picture.clientWidth - 250)}px`;
    hint.style.top = `${event.clientY - box.top + 12}px`;
  }
  function onKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const data = view.get("overview");
    const order = data.ids.map((_, index) => index).sort((a, b) => data.cycles[a] - data.cycles[b]);
    const place = order.findIndex((index) => data.ids[index] === view.get("selected"));
    const next = order[Math.max(0, Math.min(order.length - 1, place + step))];
    if (next !== undefined) view.set({ selected: data.ids[next] });
  }

  function showDetail() {
    const one = view.get("detail");
    const data = view.get("overview");
    title.textContent = `${data.title}${data.hidden ? `, ${count(data.hidden)} slower candidates not drawn` : ""}`;
    if (!one.cycles) return fill(detail, h("p", { class: "ack-muted" }, one.id ? `${one.id} has no cycles.` : "Nothing is selected."));
    fill(detail,
      h("div", {}, h("span", { class: "ack-title" }, `${one.id}: ${count(one.cycles)} cycles`)),
      h("p", {}, `${one.headroom.toFixed(2)} times its highest bound, the ${one.by}'s: at least ${count(one.cycles - one.bound)} cycles are lost.`),
      one.bounds.map(([name, cycles, share]) => h("div", { class: "ack-bounds-row" }, h("span", {}, name), h("span", { class: "ack-bounds-gauge" }, h("span", { style: { width: `${Math.min(100, 100 * share)}%`, background: `var(--ack-${BOUNDS[name][0]})` } })), h("span", { class: "ack-number" }, `${count(cycles)} (${percent(share)})`))),
      h("h4", {}, "Where it loses"), h("ul", { class: "ack-facts" }, one.losses.map(([text, cycles]) => h("li", {}, text, cycles && !text.includes(count(cycles)) ? h("span", { class: "ack-muted" }, ` (at most ${count(cycles)} cycles)`) : null))));
  }

  view.watch(["overview", "selected"], draw);
  view.watch(["detail", "overview"], showDetail);
  view.onLayout(picture, draw);
  showDetail();
  draw();
  return view.end;
}

export default { render: renderBounds };
