// BeamStepper: iterations as columns, candidates as nodes, and everything about the selected one.

import { append, button, count, css, fill, h, highlightC, inkOn, open, paint, percent, quietly, shade, sharp, short, tabs, timed } from "./kit.js";
import { diffView } from "./diff.js";

const [PENDING, KEPT, DROPPED, FAILED] = [0, 1, 2, 3];
const HEADER = 36;
const STATE_NAMES = ["not decided yet", "kept in the beam", "correct, not kept", "failed"];
const SECONDS_PER_STEP = 0.9;

function renderBeam(context) {
  const view = open(context, "beam", "Beam search");
  let nodes = null;
  let order = [];
  let places = new Map();
  let timer = null;

  const title = h("span", { class: "ack-title" });
  const facts = h("span", { class: "ack-muted ack-number" });
  const slider = h("input", { type: "range", min: 0, max: 0, step: 1, title: "Iteration", "aria-label": "Iteration", on: { input: () => goTo(Number(slider.value)) } });
  const where = h("span", { class: "ack-number" });
  const play = button("Play", "Play (space)", togglePlay);
  const canvas = h("canvas", { tabindex: 0, role: "application", "aria-label": "Candidates by iteration; arrow keys step", on: { keydown: onKey, pointerdown: onPick, pointermove: onHover, pointerleave: () => (hint.hidden = true) } });
  const hint = h("div", { class: "ack-hint", hidden: true });
  const graph = h("div", { class: "ack-beam-graph" }, canvas, hint);
  const heading = h("div", { class: "ack-beam-heading", "aria-live": "polite" });
  const detail = tabs("About the candidate", ["Plan and code", "Measurements", "Advice", "Prompt", "Reply", "Cost"], showTab, view.get("tab"));
  append(view.root, [
    h("div", { class: "ack-bar" }, title, facts),
    h("div", { class: "ack-bar" },
      button("\u00ab", "First iteration (Home)", () => goTo(firstIteration())),
      button("\u2039", "One iteration back (left arrow)", () => goTo(view.get("iteration") - 1)),
      play,
      button("\u203a", "One iteration on (right arrow)", () => goTo(view.get("iteration") + 1)),
      button("\u00bb", "To the end (End)", () => goTo(lastIteration())),
      slider, where, h("span", { class: "ack-space" }), button("Best", "Select the best candidate", () => select(nodes.best))),
    graph, legend(), view.status, heading, detail.strip, detail.panel,
  ]);

  function legend() {
    const key = (style, text) => h("span", { class: "ack-key" }, h("span", { class: `ack-swatch ack-beam-${style}` }), text);
    return h("div", { class: "ack-beam-legend" },
      h("span", { class: "ack-key" }, "fewer cycles", h("span", { class: "ack-beam-scale" }), "more"),
      key("kept", "kept"), key("dropped", "correct, not kept"), key("failed", "failed"), key("line", "lineage of the selected one"));
  }

  const firstIteration = () => (nodes?.iterations.length ? nodes.iterations[0] : 0);
  const lastIteration = () => (nodes?.iterations.length ? nodes.iterations[nodes.iterations.length - 1] : 0);

  function goTo(iteration) {
    if (!nodes) return;
    const begin = performance.now();
    const to = Math.max(firstIteration(), Math.min(lastIteration(), iteration));
    const beam = nodes.beams[to];
    const values = { iteration: to };
    if (beam?.length) values.selected = nodes.ids[beam[0]];
    view.set(values);
    draw();
    timed("beam step", begin);
  }

  function togglePlay() {
    if (timer) return stop();
    if (view.get("iteration") >= lastIteration()) goTo(firstIteration());
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (view.get("iteration") >= lastIteration()) return stop();
      goTo(view.get("iteration") + 1);
    }, 1000 * SECONDS_PER_STEP);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  view.ended.addEventListener("abort", stop);

  function select(id) {
    if (!id || id === view.get("selected")) return;
    view.set({ selected: id });
  }

  function onKey(event) {
    const iteration = view.get("iteration");
    const step = { ArrowLeft: iteration - 1, ArrowRight: iteration + 1, Home: firstIteration(), End: lastIteration() }[event.key];
    if (step !== undefined) goTo(step);
    else if (event.key === " ") togglePlay();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") moveInColumn(event.key === "ArrowUp" ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function moveInColumn(step) {
    const index = nodes.ids.indexOf(view.get("selected"));
    if (index < 0) return;
    const column = order.find((one) => one.iteration === nodes.iterations[index]);
    const next = column.members[column.members.indexOf(index) + step];
    if (next !== undefined) select(nodes.ids[next]);
  }

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    for (const [index, place] of places) {
      if (x >= place.x && x <= place.x + place.width && y >= place.y && y <= place.y + place.height) return index;
    }
    return -1;
  };

  function onPick(event) {
    const index = at(event);
    if (index >= 0) select(nodes.ids[index]);
  }

  function onHover(event) {
    const index = at(event);
    hint.hidden = index < 0;
    canvas.style.cursor = index < 0 ? "default" : "pointer";
    if (index < 0) return;
    const option = nodes.options[index] < 0 ? "" : `  ${nodes.option_names[nodes.options[index]]}`;
    const cycles = nodes.cycles[index];
    const gain = cycles && nodes.start_cycles ? `, ${(nodes.start_cycles / cycles).toFixed(2)}x over the start` : "";
    hint.textContent = `${nodes.ids[index]}${option}\n${cycles ? `${count(cycles)} cycles${gain}\n` : ""}${STATE_NAMES[nodes.states[index]]}`;
    const place = places.get(index);
    const room = graph.clientWidth + graph.scrollLeft - 240;
    hint.style.left = `${Math.max(0, Math.min(place.x + 12, room))}px`;
    hint.style.top = `${place.y + place.height + 6}px`;
  }

  /** Columns of node numbers: kept ones first, then the others by cycles, failed ones last. */
  function arrange() {
    const rank = [2, 0, 1, 3];
    const columns = new Map();
    nodes.iterations.forEach((iteration, index) => {
      if (!columns.has(iteration)) columns.set(iteration, []);
      columns.get(iteration).push(index);
    });
    order = [...columns].map(([iteration, members]) => ({
      iteration,
      members: members.sort((a, b) => rank[nodes.states[a]] - rank[nodes.states[b]] || (nodes.cycles[a] ?? Infinity) - (nodes.cycles[b] ?? Infinity) || a - b),
    }));
  }

  /** Where every node stands, for a width: named pills if there is room, else small squares. */
  function lay(width) {
    const most = Math.max(1, ...order.map((column) => column.members.length));
    const across = Math.max(46, (width - 4) / Math.max(1, order.length));
    const pills = most <= 20;
    let cell = 20;
    if (!pills) cell = [11, 9, 8, 7, 6, 5, 4, 3].find((size) => Math.ceil(most / Math.max(1, Math.floor((across - 12) / size))) * size <= 320) ?? 3;
    const inRow = pills ? 1 : Math.max(1, Math.floor((across - 12) / cell));
    const pillWidth = across < 140 ? Math.min(across - 14, 96) : Math.min(across - 36, 200);
    places = new Map();
    order.forEach((column, number) => {
      column.x = number * across;
      column.members.forEach((index, rank) => {
        const x = pills ? column.x + 6 : column.x + 6 + (rank % inRow) * cell;
        const y = HEADER + 4 + Math.floor(rank / inRow) * cell;
        places.set(index, { x, y, width: pills ? pillWidth : cell - 1, height: pills ? 16 : cell - 1 });
      });
    });
    return { pills, across, width: Math.max(width, across * order.length + 4), height: HEADER + 10 + Math.ceil(most / inRow) * cell };
  }

  function draw() {
    if (!nodes || !graph.clientWidth) return;
    const theme = paint(view.root);
    const shape = lay(graph.clientWidth);
    canvas.style.width = `${shape.width}px`;
    const pen = sharp(canvas, shape.width, shape.height);
    const shown = view.get("iteration");
    const selected = nodes.ids.indexOf(view.get("selected"));
    const line = new Set();
    for (let index = selected; index >= 0; index = nodes.parents[index]) line.add(index);
    const beam = new Set(nodes.beams[shown] ?? []);
    const correct = nodes.cycles.filter((cycles) => cycles);
    const [low, high] = [Math.log(correct.reduce((a, b) => Math.min(a, b), Infinity)), Math.log(correct.reduce((a, b) => Math.max(a, b), 1))];

    pen.textBaseline = "middle";
    let best = Infinity;
    order.forEach((column) => {
      if (column.iteration > shown) return;
      if (column.iteration === shown) {
        pen.fillStyle = theme.of("sunken");
        pen.globalAlpha = 0.55;
        pen.fillRect(column.x + 1, 0, shape.across - 2, shape.height);
        pen.globalAlpha = 1;
      }
      for (const index of column.members) best = Math.min(best, nodes.cycles[index] ?? Infinity);
      pen.fillStyle = theme.of(column.iteration === shown ? "text" : "muted");
      pen.font = `600 12px ${theme.font}`;
      pen.fillText(column.iteration === firstIteration() && column.iteration === 0 ? "start" : `${column.iteration}`, column.x + 6, 10);
      pen.font = `11px ${theme.font}`;
      pen.fillStyle = theme.of("muted");
      if (Number.isFinite(best)) pen.fillText(`best ${short(best)}`, column.x + 6, 25, shape.across - 8);
    });

    const middle = (index) => {
      const place = places.get(index);
      return [place.x + place.width, place.y + place.height / 2, place.x];
    };
    const edge = (index) => {
      const parent = nodes.parents[index];
      if (parent < 0) return;
      const [fromX, fromY] = middle(parent);
      const [, toY, toX] = middle(index);
      pen.beginPath();
      pen.moveTo(fromX, fromY);
      pen.bezierCurveTo(fromX + 10, fromY, toX - 14, toY, toX, toY);
      pen.stroke();
    };
    pen.strokeStyle = theme.of("faint");
    pen.lineWidth = 1;
    for (const index of places.keys()) {
      if (nodes.iterations[index] <= shown && !line.has(index) && (shape.pills || nodes.states[index] === KEPT)) edge(index);
    }

    for (const [index, place] of places) {
      if (nodes.iterations[index] > shown) continue;
      drawNode(pen, place, index, { theme, pills: shape.pills, share: (Math.log(nodes.cycles[index]) - low) / (high - low || 1) });
    }
    pen.strokeStyle = theme.of("vermilion");
    pen.lineWidth = 2;
    for (const index of line) if (nodes.iterations[index] <= shown) edge(index);
    for (const index of line) {
      if (nodes.iterations[index] > shown) continue;
      const place = places.get(index);
      pen.lineWidth = index === selected ? 2.5 : 1.5;
      rounded(pen, place, index === selected ? 2 : 1, shape.pills ? 8 : 2);
      pen.stroke();
    }
    if (shape.pills) {
      pen.strokeStyle = theme.of("accent");
      pen.lineWidth = 2;
      for (const index of beam) {
        const place = places.get(index);
        if (!place) continue;
        pen.beginPath();
        pen.moveTo(place.x - 4, place.y + 2);
        pen.lineTo(place.x - 4, place.y + place.height - 2);
        pen.stroke();
      }
    }
    slider.min = firstIteration();
    slider.max = lastIteration();
    slider.value = shown;
    where.textContent = `iteration ${shown} of ${lastIteration()}`;
    view.painted();
  }

  function drawNode(pen, place, index, { theme, pills, share }) {
    const state = nodes.states[index];
    const fill = nodes.cycles[index] ? shade(share, theme.dark) : null;
    pen.lineWidth = 1.5;
    rounded(pen, place, 0, pills ? 8 : 1);
    if (state === KEPT && fill) {
      pen.fillStyle = css(fill);
      pen.fill();
    } else if (fill) {
      pen.fillStyle = css(fill, pills ? 0.16 : 0.45);
      pen.fill();
      pen.strokeStyle = css(fill, 0.8);
      if (pills) pen.stroke();
    } else {
      pen.strokeStyle = theme.of(state === FAILED ? "vermilion" : "grey");
      pen.setLineDash([3, 2]);
      if (pills) pen.stroke();
      else { pen.fillStyle = theme.of(state === FAILED ? "vermilion" : "faint"); pen.fillRect(place.x + place.width / 2 - 1, place.y + 1, 2, place.height - 2); }
      pen.setLineDash([]);
    }
    if (!pills) return;
    pen.font = `11px ${theme.font}`;
    const option = place.width > 100 && nodes.options[index] >= 0 ? nodes.option_names[nodes.options[index]] : "";
    pen.textAlign = option ? "left" : "center";
    pen.fillStyle = state === KEPT && fill ? inkOn(fill) : theme.of(state === FAILED ? "vermilion" : "muted");
    const label = nodes.cycles[index] ? short(nodes.cycles[index]) : state === FAILED ? "failed" : "\u2026";
    const text = option ? clipped(pen, `${label}  ${option}`, place.width - 16) : label;
    pen.fillText(text, option ? place.x + 8 : place.x + place.width / 2, place.y + place.height / 2 + 0.5, place.width - 4);
    pen.textAlign = "left";
  }

  function clipped(pen, text, width) {
    if (pen.measureText(text).width <= width) return text;
    let end = text.length;
    while (end > 1 && pen.measureText(`${text.slice(0, end)}\u2026`).width > width) end--;
    return `${text.slice(0, end)}\u2026`;
  }

  function rounded(pen, place, grow, radius) {
    pen.beginPath();
    pen.roundRect(place.x - grow, place.y - grow, place.width + 2 * grow, place.height + 2 * grow, radius);
  }

  // The selected candidate

  function showDetail() {
    const one = view.get("detail");
    if (!one.id) return fill(heading, "No candidate is selected.");
    const [cycles, , root] = one.metrics[0].values;
    fill(heading,
      h("span", { class: "ack-title" }, one.id), one.option ? h("span", { class: "ack-chip" }, one.option) : null,
      h("span", { class: "ack-number" }, cycles ? `${count(cycles)} cycles` : one.status),
      cycles && root ? h("span", { class: "ack-number" }, `${(root / cycles).toFixed(2)}x over the start`) : null,
      h("span", { class: "ack-muted" }, one.fate));
    detail.refresh();
  }

  function showTab(name, panel) {
    if (view.get("tab") !== name) view.set({ tab: name });
    const one = view.get("detail");
    if (!one.id) return fill(panel);
    ({ "Plan and code": showPlan, Measurements: showMetrics, Advice: showAdvice, Prompt: showPrompt, Reply: showReply, Cost: showCost })[name](panel, one);
  }

  function showPlan(panel, one) {
    const against = h("select", { "aria-label": "Compare the code with", on: { change: () => view.set({ against: against.value }) } },
      one.ancestors.map(([id, label]) => h("option", { value: id, selected: id === one.against }, label)));
    const layout = view.get("layout_of_diff");
    const choice = (value, label) => button(label, `Show the differences ${value === "split" ? "side by side" : "in one column"}`, () => view.set({ layout_of_diff: value }), { "aria-pressed": String(layout === value) });
    fill(panel,
      one.problems.length ? problems(one.problems) : null,
      one.plan ? h("div", { class: "ack-prose ack-beam-plan" }, one.plan) : h("p", { class: "ack-muted" }, one.ancestors.length ? "There is no plan." : "The start kernel has no plan."),
      one.ancestors.length
        ? [h("div", { class: "ack-bar" }, h("span", { class: "ack-muted" }, "Changes since"), against, h("span", { class: "ack-space" }), h("span", { class: "ack-switch" }, choice("split", "Side by side"), choice("unified", "Unified"))), diffView(one.diff, layout)]
        : h("div", { class: "ack-scroll", tabindex: 0 }, h("pre", { class: "ack-pad" }, highlightC(one.code))));
  }

  function problems(list) {
    return h("ul", { class: "ack-problems" }, list.map((problem) => h("li", {}, problem.line ? h("b", {}, `line ${problem.line}: `) : null, problem.text)));
  }

  function showMetrics(panel, one) {
    const format = (row, value) => (value === null ? "" : row.share ? percent(value) : count(value));
    const change = (value, base) => (value && base ? `${value <= base ? "\u2212" : "+"}${Math.abs((100 * (value - base)) / base).toFixed(1)} %` : "");
    fill(panel, h("table", {},
      h("thead", {}, h("tr", {}, ["", "this", "parent", "change", "start", "change"].map((text, place) => h("th", { class: place ? "ack-right" : "" }, text)))),
      h("tbody", {}, one.metrics.map((row) => h("tr", {}, h("td", {}, row.name), [format(row, row.values[0]), format(row, row.values[1]), change(row.values[0], row.values[1]), format(row, row.values[2]), change(row.values[0], row.values[2])].map((text) => h("td", { class: "ack-right" }, text)))))));
  }

  function showAdvice(panel, one) {
    const list = (items) => h("ul", { class: "ack-facts" }, items.map((fact) => h("li", {}, fact.line ? h("b", {}, `line ${fact.line}: `) : null, fact.text, fact.cycles ? h("span", { class: "ack-muted" }, `  (at most ${count(fact.cycles)} cycles)`) : null)));
    fill(panel,
      one.problems.length ? [h("h4", {}, "What is wrong"), problems(one.problems)] : null,
      h("h4", {}, "What was measured on this kernel"), one.facts.length ? list(one.facts) : h("p", { class: "ack-muted" }, "Nothing: it did not run to its end."),
      one.given.length ? [h("h4", {}, "What its planner was told about the parent"), list(one.given)] : null);
  }

  async function showPrompt(panel, one) {
    fill(panel, h("p", { class: "ack-muted" }, "\u2026"));
    await quietly(async () => {
      const { prompts } = await view.ask("prompt");
      if (detail.current() !== "Prompt" || view.get("detail").id !== one.id) return;
      fill(panel, prompts.length ? prompts.map(([name, text]) => [h("h4", {}, `Prompt for the ${name}`), h("div", { class: "ack-scroll", tabindex: 0 }, h("pre", { class: "ack-pad ack-wrap" }, text))]) : h("p", { class: "ack-muted" }, "The start kernel was not asked for."));
    })();
  }

  function showReply(panel, one) {
    fill(panel,
      one.plan ? [h("h4", {}, `Plan by ${one.planner}`), h("div", { class: "ack-prose" }, one.plan)] : null,
      h("h4", {}, `Kernel by ${one.agent}`), one.notes ? h("div", { class: "ack-prose" }, one.notes) : null,
      h("div", { class: "ack-scroll", tabindex: 0 }, h("pre", { class: "ack-pad" }, highlightC(one.code))));
  }

  function showCost(panel, one) {
    const head = ["call of", "calls", "input tokens", "output", "cache read", "cache write", "USD", "seconds"];
    fill(panel, h("table", {},
      h("thead", {}, h("tr", {}, head.map((text, place) => h("th", { class: place ? "ack-right" : "" }, text)))),
      h("tbody", {}, one.usage.map((row) => h("tr", {}, h("td", {}, row.name), [count(row.calls), ...row.tokens.map(count), row.unpriced ? "not known" : row.usd.toFixed(4), row.seconds.toFixed(1)].map((text) => h("td", { class: "ack-right" }, text)))))),
      one.usage.every((row) => !row.calls) ? h("p", { class: "ack-muted" }, "No model was called: the offline rules cost nothing.") : null);
  }

  async function load() {
    const overview = view.get("overview");
    nodes = overview.ids ? overview : await view.ask("nodes");
    title.textContent = `${nodes.workload} on ${nodes.machine}`;
    const speedup = nodes.speedup ? `, ${nodes.speedup.toFixed(2)}x` : "";
    facts.textContent = `${count(nodes.ids.length)} candidates, ${nodes.start_cycles ? `${count(nodes.start_cycles)} \u2192 ${count(nodes.best_cycles)} cycles (simulated)${speedup}` : nodes.state}`;
    arrange();
    draw();
  }

  view.watch("overview", quietly(load));
  view.watch(["iteration", "selected"], draw);
  view.watch("detail", showDetail);
  view.watch("layout_of_diff", () => detail.refresh());
  view.watch("tab", () => detail.current() === view.get("tab") || detail.choose(view.get("tab")));
  view.onLayout(graph, draw);
  showDetail();
  quietly(load)();
  return view.end;
}

export default { render: renderBeam };
