// LiveRun: buttons, meters and the score of a run while it happens.

import { append, button, count, fill, h, open, percent, perFrame, quietly, ticks } from "./kit.js";
import { drawChart } from "./chart.js";

function renderLive(context) {
  const view = open(context, "live", "Run");
  const act = (action) => quietly(() => view.ask("act", { action }));
  const start = button("Start", "Start the run", act("start"), { class: "ack-primary" });
  const pause = button("Pause", "Begin nothing further", () => act(view.get("state") === "paused" ? "resume" : "pause")());
  const cancel = button("Cancel", "End the run; all that is done stays in its store", act("cancel"));
  const budget = h("input", { type: "number", min: 0, step: "any", class: "ack-live-budget", "aria-label": "Budget in US dollars, 0 for none", title: "No call begins after so many US dollars; 0 for no budget", on: { change: () => view.set({ budget_usd: Math.max(0, Number(budget.value)) || 0 }), keydown: (event) => event.stopPropagation() } });
  const title = h("span", { class: "ack-title" });
  const state = h("span", { class: "ack-live-state", role: "status" });
  const bar = h("div", { class: "ack-live-bar", role: "progressbar", "aria-label": "Iterations", "aria-valuemin": 0, "aria-valuemax": 100 }, h("span"));
  const meters = h("div", { class: "ack-live-meters" });
  const canvas = h("canvas", { role: "img", "aria-label": "Cycles of every candidate, and the best so far" });
  const chart = h("div", { class: "ack-time-picture" }, canvas);
  append(view.root, [
    h("div", { class: "ack-bar" }, title, state, h("span", { class: "ack-space" }), h("label", { class: "ack-muted" }, "budget ", budget, " USD"), start, pause, cancel), bar, view.status, meters, chart,
  ]);

  function meter(label, value, note = "") {
    return h("div", { class: "ack-live-meter" }, h("div", { class: "ack-muted" }, label), h("div", { class: "ack-live-value ack-number" }, value), h("div", { class: "ack-muted ack-number" }, note));
  }

  function show() {
    const now = view.get("figures");
    const running = ["running", "paused", "cancelling"].includes(view.get("state"));
    title.textContent = view.get("title");
    state.textContent = view.get("state") === "iterations" ? "done: all iterations" : running || view.get("state") === "ready" ? view.get("state") : `ended: ${view.get("state")}`;
    state.className = `ack-live-state ack-live-${running ? view.get("state") : "idle"}`;
    start.hidden = view.get("state") !== "ready";
    pause.hidden = cancel.hidden = !running;
    budget.parentElement.hidden = !running && view.get("state") !== "ready";
    pause.disabled = view.get("state") === "cancelling";
    pause.textContent = view.get("state") === "paused" ? "Resume" : "Pause";
    const within = now.expected ? Math.min(1, now.answers / now.expected) : 0;
    const done = now.iterations ? Math.min(1, Math.max(0, now.iteration - 1 + within) / now.iterations) : 0;
    const share = running || view.get("state") === "ready" ? done : 1;
    bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    bar.firstChild.style.width = `${100 * share}%`;
    const most = view.get("budget_usd");
    if (document.activeElement !== budget) budget.value = most;
    const rate = now.seconds > 1 ? (60 * now.tried) / now.seconds : null;
    fill(meters,
      meter("best", now.best ? count(now.best) : "\u2013", now.best ? `cycles (simulated), ${percent(now.utilization)} of the array` : "cycles (simulated)"),
      meter("speed-up", now.best && now.start ? `${(now.start / now.best).toFixed(2)}x` : "\u2013", now.start ? `from ${count(now.start)}` : ""),
      meter("iteration", `${now.iteration} of ${now.iterations}`, `${count(now.seconds)} s`),
      meter("candidates", count(now.tried), `${now.correct} correct, ${now.failed} failed${now.calls_failed ? `, ${now.calls_failed} calls without result` : ""}`),
      meter("throughput", rate ? rate.toFixed(0) : "\u2013", "candidates per minute"),
      meter("cost", `${now.usd.toFixed(most && most < 1 ? 4 : 2)} USD`, `${most ? `of ${most} USD, ` : ""}${count(now.tokens)} tokens${now.unpriced ? `, ${now.unpriced} calls unpriced` : ""}`));
    if (now.message && !running) view.say(now.message);
    draw();
  }

  const draw = perFrame(() => {
    const points = view.get("points");
    const good = points.filter(([, cycles]) => cycles);
    chart.hidden = !good.length;
    const width = chart.clientWidth;
    if (!good.length || !width) return;
    const cycles = good.map((point) => point[1]);
    const most = Math.max(4, points[points.length - 1][0]);
    let best = Infinity;
    const steps = [];
    for (const [number, own] of good) {
      if (own >= best) continue;
      if (steps.length) steps.push([number, best]);
      best = own;
      steps.push([number, own]);
    }
    steps.push([most, best]);
    drawChart(canvas, view.root, {
      width, height: 210,
      points: good.map(([number, own]) => ({ x: number, y: own, colour: "grey", size: 2.6, alpha: 0.75 })),
      lines: [{ points: steps, colour: "accent" }],
      xRange: [0, most], yRange: [Math.min(...cycles) * 0.94, Math.max(...cycles) * 1.06],
      xTicks: ticks(0, most, 8).filter(Number.isInteger), labels: ["candidates tried", "cycles (simulated)"],
    });
    view.painted();
  });

  view.watch(["figures", "state", "title", "budget_usd"], show);
  view.watch("points", draw);
  view.onLayout(view.root, draw);
  show();
  return view.end;
}

export default { render: renderLive };
