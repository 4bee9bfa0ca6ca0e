// TimelineView: lanes of bars on a canvas; the page keeps only what is in view.

import { append, button, count, css, fill, h, hexToRgb, open, paint, perFrame, percent, quietly, sharp, short, ticks, timed } from "./kit.js";
import { codeList } from "./code.js";

const LABELS = 146;
const AXIS = 20;
const MAP = 22;
const BAR = 11;
const [BEGIN, END, ROW, ITEM, LINE, WAITS, ISSUED] = [0, 1, 2, 3, 4, 5, 6];

function renderTimeline(context) {
  const view = open(context, "timeline", "Timeline of accelerator commands");
  let data = null;
  let asked = null;
  let drag = null;

  const title = h("span", { class: "ack-title" });
  const span = h("span", { class: "ack-muted ack-number" });
  const which = h("select", { "aria-label": "Run that the code belongs to", on: { change: () => view.set({ shown: Number(which.value), selected: -1, line: 0 }) } });
  const canvas = h("canvas", {
    tabindex: 0, role: "application", "aria-label": "Timeline; arrows pan, plus and minus zoom",
    on: { keydown: onKey, wheel: onWheel, pointerdown: onDown, pointermove: onMove, pointerup: onUp, pointerleave: () => (hint.hidden = true), dblclick: onDouble },
  });
  const hint = h("div", { class: "ack-hint", hidden: true });
  const picture = h("div", { class: "ack-time-picture" }, canvas, hint);
  const code = codeList("C source; a line's commands stand out in the timeline", (line) => view.set({ line, selected: -1 }));
  const detail = h("div", { class: "ack-time-detail", "aria-live": "polite" });
  append(view.root, [
    h("div", { class: "ack-bar" }, title, h("span", { class: "ack-space" }), which),
    h("div", { class: "ack-bar" },
      button("Everything", "Show the whole run (Home)", () => look(0, overview().cycles)),
      button("+", "Zoom in (+)", () => zoom(0.5)), button("\u2212", "Zoom out (-)", () => zoom(2)),
      button("\u2039", "Earlier (left arrow)", () => pan(-0.3)), button("\u203a", "Later (right arrow)", () => pan(0.3)),
      span, h("span", { class: "ack-space" }), button("Export for Perfetto", "Write a file that ui.perfetto.dev opens", quietly(toPerfetto))),
    picture, legend(), view.status,
    h("div", { class: "ack-time-below" }, code.list, detail),
  ]);

  const overview = () => view.get("overview");
  const window_ = () => view.get("window");

  function legend() {
    const key = (colour, text) => h("span", { class: "ack-key" }, h("span", { class: "ack-swatch", style: { background: `var(--ack-${colour})` } }), text);
    return h("div", { class: "ack-time-legend" }, key("blue", "load"), key("green", "execute"), key("purple", "store"),
      key("orange", "waits for an earlier command"), key("yellow", "waits for its unit"), key("vermilion", "selected line or command"));
  }

  async function toPerfetto() {
    const { path } = await view.ask("perfetto");
    view.say(`Written: ${path}. Open it at ui.perfetto.dev.`);
  }

  // Where to look

  function look(begin, end) {
    const total = overview().cycles;
    const length = Math.min(Math.max(end - begin, 16), total * 1.02);
    const from = Math.max(-0.01 * total, Math.min(begin, total * 1.01 - length));
    view.set({ window: [from, from + length] });
  }

  function zoom(factor, around = 0.5) {
    const [begin, end] = window_();
    const fixed = begin + around * (end - begin);
    look(fixed - (fixed - begin) * factor, fixed + (end - fixed) * factor);
  }

  function pan(share) {
    const [begin, end] = window_();
    look(begin + share * (end - begin), end + share * (end - begin));
  }

  const inside = () => Math.max(50, picture.clientWidth - LABELS - 8);
  const toX = (cycle) => LABELS + ((cycle - window_()[0]) / (window_()[1] - window_()[0])) * inside();
  const toCycle = (x) => window_()[0] + ((x - LABELS) / inside()) * (window_()[1] - window_()[0]);

  const refresh = perFrame(quietly(fetchSlices));
  async function fetchSlices() {
    if (asked) {
      asked.again = true;
      return;
    }
    const mine = { again: false, at: performance.now() };
    asked = mine;
    try {
      const [begin, end] = window_();
      const margin = (end - begin) * 0.25;
      const answer = await view.ask("slices", { begin: begin - margin, end: end + margin, pixels: Math.round(inside() * 1.5) });
      data = {
        ...answer,
        lanes: answer.modes.map((mode, index) => {
          const { buffer, byteOffset, byteLength } = answer.buffers[index];
          if (mode === "density") return { density: new Uint8Array(buffer, byteOffset, byteLength) };
          const all = new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength));
          const size = all.length / 7;
          return { size, columns: [0, 1, 2, 3, 4, 5, 6].map((number) => all.subarray(number * size, (number + 1) * size)) };
        }),
      };
      draw();
      timed("timeline zoom", mine.at);
    } finally {
      asked = null;
      if (mine.again) refresh();
    }
  }

  // Drawing

  /** Every lane's place: {trace, lane, y, height, number}. */
  function layout() {
    const places = [];
    let y = MAP + AXIS;
    let number = 0;
    overview().traces.forEach((trace, index) => {
      const top = y;
      if (overview().traces.length > 1) y += 18;
      for (const lane of trace.lanes) {
        const height = lane.rows * BAR + 7;
        places.push({ trace: index, lane, y, height, number: number++, top });
        y += height;
      }
      y += 8;
    });
    return { places, height: y };
  }

  const draw = perFrame(() => {
    if (!overview().traces || !picture.clientWidth) return;
    const begun = performance.now();
    const theme = paint(view.root);
    const { places, height } = layout();
    const width = picture.clientWidth;
    const pen = sharp(canvas, width, height);
    pen.textBaseline = "middle";
    drawMap(pen, theme, width);
    drawAxis(pen, theme, width, height);
    const line = view.get("line");
    const selected = view.get("selected");
    const shown = view.get("shown");
    for (const place of places) {
      if (place.y === place.top + 18 && overview().traces.length > 1) {
        const trace = overview().traces[place.trace];
        pen.fillStyle = theme.of("text");
        pen.font = `600 12px ${theme.font}`;
        pen.fillText(`${trace.name}: ${count(trace.cycles)} cycles`, 6, place.top + 9);
      }
      pen.font = `11px ${theme.font}`;
      pen.fillStyle = theme.of("muted");
      pen.fillText(place.lane.name, 6, place.y + place.height / 2 - 1, LABELS - 54);
      pen.textAlign = "right";
      pen.fillText(percent(place.lane.busy), LABELS - 6, place.y + place.height / 2 - 1);
      pen.textAlign = "left";
      pen.strokeStyle = theme.of("border");
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(LABELS, place.y + place.height - 2.5);
      pen.lineTo(width, place.y + place.height - 2.5);
      pen.stroke();
      if (!data) continue;
      pen.save();
      pen.beginPath();
      pen.rect(LABELS, place.y, width - LABELS, place.height);
      pen.clip();
      const lane = data.lanes[place.number];
      if (lane.density) drawDensity(pen, theme, place, lane.density);
      else drawBars(pen, theme, place, lane, place.trace === shown ? line : 0, place.trace === shown ? selected : -1);
      pen.restore();
    }
    timed("timeline draw", begun);
    if (data) view.painted();
  });

  function drawMap(pen, theme, width) {
    const trace = overview().traces[view.get("shown")] ?? overview().traces[0];
    const total = overview().cycles;
    const colour = hexToRgb(theme.of("green"));
    const each = ((inside() / trace.map.length) * trace.cycles) / total;
    trace.map.forEach((share, index) => {
      pen.fillStyle = css(colour, 0.12 + (0.75 * share) / 255);
      pen.fillRect(LABELS + index * each, 4, each + 0.5, MAP - 10);
    });
    pen.fillStyle = theme.of("muted");
    pen.font = `11px ${theme.font}`;
    pen.fillText("whole run", 6, MAP / 2);
    const [begin, end] = window_();
    const [from, to] = [begin, end].map((cycle) => LABELS + Math.max(0, Math.min(1, cycle / total)) * inside());
    pen.strokeStyle = theme.of("accent");
    pen.lineWidth = 2;
    pen.strokeRect(from, 2, Math.max(3, to - from), MAP - 6);
  }

  function drawAxis(pen, theme, width, height) {
    pen.font = `11px ${theme.font}`;
    for (const cycle of ticks(...window_(), inside() / 95)) {
      const x = toX(cycle);
      if (x < LABELS - 1) continue;
      pen.strokeStyle = theme.of("border");
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(Math.round(x) + 0.5, MAP + 15);
      pen.lineTo(Math.round(x) + 0.5, height);
      pen.stroke();
      pen.fillStyle = theme.of("muted");
      if (x < width - 50) pen.fillText(count(cycle), x + 3, MAP + AXIS / 2);
    }
    pen.fillStyle = theme.of("muted");
    pen.fillText("cycle (simulated)", 6, MAP + AXIS / 2);
  }

  function drawDensity(pen, theme, place, density) {
    const colour = hexToRgb(theme.of(place.lane.colour));
    const step = (data.end - data.begin) / density.length;
    const each = (step / (window_()[1] - window_()[0])) * inside();
    const height = place.height - 7;
    for (let index = 0; index < density.length; index++) {
      if (!density[index]) continue;
      const x = toX(data.begin + index * step);
      const tall = Math.max(1.5, (height * density[index]) / 255);
      pen.fillStyle = css(colour, 0.55 + (0.4 * density[index]) / 255);
      pen.fillRect(x, place.y + 2 + height - tall, each + 0.4, tall);
    }
  }

  function drawBars(pen, theme, place, { size, columns }, line, selected) {
    const base = hexToRgb(theme.of(place.lane.colour));
    const strong = theme.of("vermilion");
    const [waiting, queued] = [css(hexToRgb(theme.of("orange")), 0.8), css(hexToRgb(theme.of("yellow")), 0.9)];
    const plain = css(base, line ? 0.3 : 0.9);
    const alternate = css(base, line ? 0.22 : 0.68);
    const scale = inside() / (window_()[1] - window_()[0]);
    for (let index = 0; index < size; index++) {
      const x = toX(columns[BEGIN][index]);
      const width = Math.max(1, (columns[END][index] - columns[BEGIN][index]) * scale);
      const y = place.y + 1 + columns[ROW][index] * BAR;
      if (columns[ISSUED][index] < columns[BEGIN][index] || columns[WAITS][index] < columns[ISSUED][index]) {
        const [from, left] = [toX(columns[WAITS][index]), toX(columns[ISSUED][index])];
        pen.fillStyle = waiting;
        pen.fillRect(from, y + BAR - 3.5, left - from, 1.5);
        pen.fillStyle = queued;
        pen.fillRect(left, y + BAR - 3.5, x - left, 1.5);
      }
      const chosen = columns[ITEM][index] === selected && selected >= 0;
      pen.fillStyle = chosen || (line && columns[LINE][index] === line) ? strong : columns[ITEM][index] % 2 ? alternate : plain;
      pen.fillRect(x, y, Math.max(1, width - (width > 4 ? 0.6 : 0)), BAR - 2);
      if (chosen) {
        pen.strokeStyle = theme.of("text");
        pen.lineWidth = 2;
        pen.strokeRect(x - 1, y - 1, width + 2, BAR);
      }
    }
  }

  // Pointer and keys

  function at(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const place = layout().places.find((one) => y >= one.y && y < one.y + one.height);
    const found = { x, y, place, index: -1 };
    const lane = place && data?.lanes[place.number];
    if (!lane?.columns || x < LABELS) return found;
    const row = Math.floor((y - place.y - 1) / BAR);
    const slack = 2 * (toCycle(1) - toCycle(0));
    for (let index = 0; index < lane.size; index++) {
      const [begin, end] = [lane.columns[BEGIN][index], lane.columns[END][index]];
      const within = toCycle(x) >= begin - slack && toCycle(x) <= Math.max(end, begin) + slack;
      if (within && lane.columns[ROW][index] === row) found.index = index;
    }
    return found;
  }

  function onWheel(event) {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey && document.activeElement !== canvas) return; // the page scrolls
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan((event.deltaX || event.deltaY) / 800);
    else zoom(Math.exp(Math.max(-100, Math.min(100, event.deltaY)) / 220), (event.clientX - box.left - LABELS) / inside());
  }

  function onDown(event) {
    canvas.focus();
    const place = at(event);
    drag = { x: event.clientX, window: window_(), moved: false, map: place.y < MAP };
    if (drag.map) toMap(place.x);
    canvas.setPointerCapture(event.pointerId);
  }

  function toMap(x) {
    const [begin, end] = window_();
    const middle = ((x - LABELS) / inside()) * overview().cycles;
    look(middle - (end - begin) / 2, middle + (end - begin) / 2);
  }

  function onMove(event) {
    if (drag) {
      const shift = event.clientX - drag.x;
      if (Math.abs(shift) > 3) drag.moved = true;
      if (drag.map) return toMap(event.clientX - canvas.getBoundingClientRect().left);
      if (!drag.moved) return;
      const cycles = (shift / inside()) * (drag.window[1] - drag.window[0]);
      return look(drag.window[0] - cycles, drag.window[1] - cycles);
    }
    const { x, y, place, index } = at(event);
    hint.hidden = !place || x < LABELS;
    if (hint.hidden) return;
    const lane = data?.lanes[place.number];
    const lines = [`cycle ${count(toCycle(x))}`];
    if (index >= 0) {
      const [begin, end, , , line, waits, issued] = lane.columns.map((column) => column[index]);
      lines.unshift(`${place.lane.name}: ${count(begin)} to ${count(end)} (${count(end - begin)} cycles)`);
      if (issued > waits) lines.push(`waited ${count(issued - waits)} cycles for an earlier command`);
      if (begin > issued) lines.push(`then ${count(begin - issued)} cycles for its unit`);
      if (line) lines.push(`line ${line}`);
    }
    hint.textContent = lines.join("\n");
    hint.style.left = `${Math.min(x + 14, picture.clientWidth - 290)}px`;
    hint.style.top = `${y + 16}px`;
  }

  function onUp(event) {
    const was = drag;
    drag = null;
    if (!was || was.moved || was.map) return;
    const { place, index } = at(event);
    if (index < 0) return view.set({ selected: -1, line: 0 });
    const lane = data.lanes[place.number];
    view.set({ shown: place.trace, selected: lane.columns[ITEM][index], line: lane.columns[LINE][index] });
  }

  function onDouble(event) {
    zoom(0.35, (at(event).x - LABELS) / inside());
  }

  function onKey(event) {
    const action = {
      ArrowLeft: () => pan(-0.25), ArrowRight: () => pan(0.25), "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
      Home: () => look(0, overview().cycles), n: () => step(1), p: () => step(-1), Escape: () => view.set({ selected: -1, line: 0 }),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  const step = quietly(async (direction) => {
    const { command } = await view.ask("neighbour", { step: direction, from: view.get("selected") });
    if (command >= 0) view.set({ selected: command });
  });

  // Below the picture

  function showDetail() {
    const one = view.get("detail");
    if (one.name === undefined) {
      return fill(detail, stalls(), h("p", { class: "ack-muted" }, "Click a bar to see its command and its line, or a line to see its commands. Wheel over the focused picture zooms; drag pans."));
    }
    const { commit, allocate, issue, start, complete } = one.times;
    const stages = [
      ["given by the host", commit, ""], ["in the reservation station", allocate, `${count(allocate - commit)} in the queue`],
      ["issued", issue, `${count(issue - allocate)} for earlier commands`], ["started", start, `${count(start - issue)} for its unit`],
      ["complete", complete, `${count(complete - start)} at work`],
    ];
    fill(detail,
      h("div", {}, h("span", { class: "ack-title" }, one.name), " ", h("span", { class: "ack-code" }, one.operands)),
      one.tile ? h("div", {}, "moves ", h("span", { class: "ack-code" }, one.tile)) : null,
      h("div", { class: "ack-muted" }, `command ${count(one.command)}, ${one.line ? `line ${one.line}, ` : ""}pc ${one.pc}`),
      h("table", {}, h("tbody", {}, stages.map(([name, cycle, wait]) => h("tr", {}, h("td", {}, name), h("td", { class: "ack-right" }, count(cycle)), h("td", { class: "ack-muted" }, wait))))));
    const [begin, end] = window_();
    if (start < begin || start > end) look(start - (end - begin) / 2, start + (end - begin) / 2);
  }

  /** Where the cycles of the whole kernel go, for each of the runs. */
  function stalls() {
    const traces = overview().traces;
    const causes = Object.keys(traces[0].stalls).filter((cause) => traces.some((trace) => trace.stalls[cause]));
    if (!causes.length) return null;
    const most = Math.max(...traces.flatMap((trace) => Object.values(trace.stalls)));
    return [h("h4", {}, "Where the cycles go"), h("table", { class: "ack-time-stalls" },
      traces.length > 1 ? h("thead", {}, h("tr", {}, h("th"), traces.map((trace) => h("th", { class: "ack-right", colspan: 2 }, trace.name)))) : null,
      h("tbody", {}, causes.map((cause) => h("tr", {}, h("td", {}, cause), traces.map((trace) => [
        h("td", { class: "ack-right" }, count(trace.stalls[cause])),
        h("td", { class: "ack-time-gauge" }, h("span", { style: { width: `${(100 * trace.stalls[cause]) / most}%` } }))])))))];
  }

  function showCode() {
    const trace = overview().traces[view.get("shown")];
    const most = Math.max(1, ...trace.by_line.map(([, , cycles]) => cycles));
    code.show(trace.code, new Map(trace.by_line.map(([line, commands, cycles]) => [line, [cycles / most, `${count(commands)} commands, ${count(cycles)} cycles of work`]])));
    code.select(view.get("line"));
    fill(which, overview().traces.map((one, index) => h("option", { value: index, selected: index === view.get("shown") }, one.name)));
    which.hidden = overview().traces.length < 2;
    title.textContent = overview().traces.map((one) => `${one.name}: ${count(one.cycles)} cycles`).join("  \u00b7  ");
  }

  function showWindow() {
    const [begin, end] = window_();
    span.textContent = `cycles ${count(Math.max(0, begin))} to ${count(end)} (${short(end - begin)})`;
    draw();
    refresh();
  }

  view.watch("window", showWindow);
  view.watch(["selected", "line"], () => {
    code.select(view.get("line"));
    draw();
  });
  view.watch("detail", showDetail);
  view.watch(["shown", "overview"], () => {
    showCode();
    draw();
  });
  view.onLayout(picture, () => {
    draw();
    refresh();
  });
  showCode();
  showDetail();
  showWindow();
  return view.end;
}

export default { render: renderTimeline };
