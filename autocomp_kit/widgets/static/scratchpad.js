// ScratchpadView: rows by time, a cursor, and what lives where at its cycle.

import { append, button, count, css, fill, h, hexToRgb, open, paint, perFrame, percent, quietly, sharp, ticks, timed } from "./kit.js";

const LEFT = 74;
const CURVE = 54;
const AXIS = 20;
const HEIGHT = 300;
const BANK = 9; // height of a bank's conflicts, below the picture
const KIND_COLOURS = ["blue", "orange", "purple", "sky", "vermilion", "yellow"];
const RELOAD_NAMES = ["not loaded", "loaded once", "loaded again (2nd time)", "3rd time", "4th time or more"];
const RELOAD_COLOURS = ["grey", "blue", "yellow", "orange", "vermilion"];

function renderScratchpad(context) {
  const view = open(context, "scratchpad", "Contents of the local memories");
  let data = null;
  let asked = null;
  let timer = null;
  let bitmap = null;

  const title = h("span", { class: "ack-title" });
  const facts = h("span", { class: "ack-muted ack-number" });
  const memory = choice("Memory", [["scratchpad", "Scratchpad"], ["accumulator", "Accumulator"]], "memory");
  const colour = choice("Colour", [["operand", "Colour: what is there"], ["reload", "Colour: loaded how often"]], "colour");
  const rows = h("select", { "aria-label": "Rows", on: { change: () => view.set({ rows: rows.value.split(" ").map(Number) }) } });
  const slider = h("input", { type: "range", min: 0, step: 1, class: "ack-pad-slider", "aria-label": "Cycle", title: "Cycle", on: { input: () => moveTo(Number(slider.value)) } });
  const where = h("span", { class: "ack-number" });
  const play = button("Play", "Play (space)", togglePlay);
  const canvas = h("canvas", {
    tabindex: 0, role: "application", "aria-label": "Rows by time; arrows move the cursor, plus and minus zoom",
    on: { keydown: onKey, pointerdown: onDown, pointermove: onMove, pointerleave: () => (hint.hidden = true), wheel: onWheel },
  });
  const hint = h("div", { class: "ack-hint", hidden: true });
  const picture = h("div", { class: "ack-time-picture" }, canvas, hint);
  const legend = h("div", { class: "ack-time-legend" });
  const residents = h("div", { class: "ack-scroll ack-pad-residents", tabindex: 0, role: "region", "aria-label": "What lives where" });
  const answer = h("div", { class: "ack-prose", role: "status" });
  const address = h("input", { type: "text", size: 14, placeholder: "0xc0000040", "aria-label": "Local address", on: { input: quietly(decode), keydown: (event) => event.stopPropagation() } });
  append(view.root, [
    h("div", { class: "ack-bar" }, title, facts),
    h("div", { class: "ack-bar" }, memory.element, rows, colour.element, h("span", { class: "ack-space" }),
      button("Everything", "Show the whole run (Home)", () => look(0, overview().cycles)), button("+", "Zoom in (+)", () => zoom(0.5)), button("\u2212", "Zoom out (-)", () => zoom(2))),
    picture, h("div", { class: "ack-bar" }, play, slider, where), legend, view.status,
    h("div", { class: "ack-time-below" }, h("div", {}, h("h4", {}, "At this cycle"), residents),
      h("div", {}, h("h4", {}, "Address inspector"), h("div", { class: "ack-bar" }, address, h("span", { class: "ack-muted" }, "any local address")), answer, h("div", { class: "ack-pad-reloads" }))),
  ]);
  const reloads = view.root.querySelector(".ack-pad-reloads");

  const overview = () => view.get("overview");
  const facts_ = () => overview().memories[view.get("memory")];
  const window_ = () => view.get("window");

  function choice(label, options, trait) {
    const element = h("select", { "aria-label": label, on: { change: () => view.set({ [trait]: element.value }) } }, options.map(([value, text]) => h("option", { value }, text)));
    const show = () => (element.value = view.get(trait));
    view.watch(trait, show);
    show();
    return { element };
  }

  const inside = () => Math.max(50, picture.clientWidth - LEFT - 8);
  const toX = (cycle) => LEFT + ((cycle - window_()[0]) / (window_()[1] - window_()[0])) * inside();
  const toCycle = (x) => window_()[0] + ((x - LEFT) / inside()) * (window_()[1] - window_()[0]);
  const top = CURVE + AXIS;
  const strip = top + HEIGHT + 5;
  const conflictLanes = () => (facts_().conflicts.some((cycles) => cycles) ? facts_().conflicts.length : 0);
  const toRow = (y) => data.first_row + Math.floor(((y - top) / HEIGHT) * (data.last_row - data.first_row));
  const toY = (row) => top + ((row - data.first_row) / (data.last_row - data.first_row)) * HEIGHT;

  function look(begin, end) {
    const total = overview().cycles;
    const length = Math.min(Math.max(end - begin, 16), total);
    const from = Math.max(0, Math.min(begin, total - length));
    view.set({ window: [from, from + length] });
  }
  function zoom(factor, around = view.get("cycle")) {
    const [begin, end] = window_();
    look(around - (around - begin) * factor, around + (end - around) * factor);
  }
  function moveTo(cycle) {
    const to = Math.max(0, Math.min(overview().cycles, Math.round(cycle)));
    view.set({ cycle: to });
    const [begin, end] = window_();
    if (to < begin || to > end) look(to - (end - begin) / 2, to + (end - begin) / 2);
  }

  function togglePlay() {
    if (timer) return stop();
    if (view.get("cycle") >= overview().cycles) moveTo(0);
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (view.get("cycle") >= overview().cycles) return stop();
      moveTo(view.get("cycle") + Math.max(1, (window_()[1] - window_()[0]) / 160));
    }, 80);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  view.ended.addEventListener("abort", stop);

  const refresh = perFrame(quietly(fetchPicture));
  async function fetchPicture() {
    if (asked) {
      asked.again = true;
      return;
    }
    const mine = { again: false, at: performance.now() };
    asked = mine;
    try {
      const [begin, end] = window_();
      const got = await view.ask("picture", { begin, end, height: 256, width: Math.round(Math.min(1200, inside())), memory: view.get("memory"), colour: view.get("colour"), rows: view.get("rows") });
      const bytes = (index) => new Uint8Array(got.buffers[index].buffer, got.buffers[index].byteOffset, got.buffers[index].byteLength);
      data = { ...got, kind: bytes(0), share: bytes(1), live: new Int32Array(bytes(2).slice().buffer), conflicts: bytes(3) };
      bitmap = null;
      draw();
      timed("scratchpad picture", mine.at);
    } finally {
      asked = null;
      if (mine.again) refresh();
    }
  }

  function palette(theme) {
    const reload = view.get("colour") === "reload";
    const names = reload ? RELOAD_NAMES : facts_().kinds;
    return names.map((name, index) => {
      const own = reload ? RELOAD_COLOURS[index] : name === "results" ? "green" : name.startsWith("zeros") ? "grey" : KIND_COLOURS[index % KIND_COLOURS.length];
      return { name, colour: own, rgb: hexToRgb(theme.of(own)) };
    });
  }

  /** The cells as an image of one pixel each, to be stretched. */
  function cells(theme) {
    const colours = palette(theme);
    const image = new ImageData(data.width, data.parts);
    for (let index = 0; index < data.kind.length; index++) {
      const kind = data.kind[index];
      if (!kind) continue;
      const rgb = colours[kind - 1]?.rgb ?? [128, 128, 128];
      image.data.set([...rgb, 70 + (185 * data.share[index]) / 255], 4 * index);
    }
    const small = new OffscreenCanvas(data.width, data.parts);
    small.getContext("2d").putImageData(image, 0, 0);
    return { small, dark: theme.dark };
  }

  const draw = perFrame(() => {
    if (!data || !picture.clientWidth) return;
    const begun = performance.now();
    const theme = paint(view.root);
    const width = picture.clientWidth;
    const bottom = conflictLanes() ? strip + conflictLanes() * BANK : top + HEIGHT;
    const pen = sharp(canvas, width, bottom + 6);
    pen.textBaseline = "middle";
    pen.font = `11px ${theme.font}`;
    if (!bitmap || bitmap.dark !== theme.dark) bitmap = cells(theme);
    pen.imageSmoothingEnabled = false;
    const [x0, x1] = [toX(data.begin), toX(data.end)];
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, 0, width - LEFT - 8, top + HEIGHT);
    pen.clip();
    pen.drawImage(bitmap.small, x0, top, x1 - x0, HEIGHT);
    drawCurve(pen, theme, x0, x1);
    pen.restore();
    drawBanks(pen, theme, width);
    drawConflicts(pen, theme);
    for (const cycle of ticks(...window_(), inside() / 95)) {
      const x = toX(cycle);
      if (x < LEFT - 1 || x > width - 40) continue;
      pen.fillStyle = theme.of("muted");
      pen.fillText(count(cycle), x + 3, CURVE + AXIS / 2);
      pen.fillRect(x, CURVE + 4, 1, AXIS - 6);
    }
    pen.fillText("cycle", 6, CURVE + AXIS / 2);
    const x = toX(view.get("cycle"));
    if (x >= LEFT - 1 && x <= width) {
      pen.fillStyle = theme.of("text");
      pen.fillRect(x - 0.75, 0, 1.5, bottom);
    }
    slider.max = overview().cycles;
    slider.value = view.get("cycle");
    where.textContent = `cycle ${count(view.get("cycle"))} of ${count(overview().cycles)}`;
    timed("scratchpad draw", begun);
    view.painted();
  });

  function drawCurve(pen, theme, x0, x1) {
    const highest = Math.max(1, data.live.reduce((a, b) => Math.max(a, b), 0));
    const step = (x1 - x0) / data.live.length;
    pen.beginPath();
    pen.moveTo(x0, CURVE);
    data.live.forEach((rows_, index) => {
      const y = CURVE - ((CURVE - 10) * rows_) / highest;
      pen.lineTo(x0 + index * step, y);
      pen.lineTo(x0 + (index + 1) * step, y);
    });
    pen.lineTo(x1, CURVE);
    pen.fillStyle = css(hexToRgb(theme.of("accent")), 0.25);
    pen.fill();
    pen.strokeStyle = theme.of("accent");
    pen.stroke();
  }

  function drawBanks(pen, theme, width) {
    const highest = Math.max(0, data.live.reduce((a, b) => Math.max(a, b), 0));
    pen.fillStyle = theme.of("muted");
    pen.fillText("live rows", 6, 12);
    pen.fillText(`\u2264 ${count(highest)}`, 6, 28);
    const { bank_rows } = facts_();
    const shown = data.last_row - data.first_row;
    pen.strokeStyle = theme.of("grey");
    pen.lineWidth = 1;
    pen.setLineDash([4, 3]);
    for (let row = Math.ceil(data.first_row / bank_rows) * bank_rows; row < data.last_row; row += bank_rows) {
      if (row === data.first_row) continue;
      pen.beginPath();
      pen.moveTo(LEFT, Math.round(toY(row)) + 0.5);
      pen.lineTo(width - 8, Math.round(toY(row)) + 0.5);
      pen.stroke();
    }
    pen.setLineDash([]);
    pen.strokeRect(LEFT - 0.5, top - 0.5, inside() + 1, HEIGHT + 1);
    for (let row = Math.floor(data.first_row / bank_rows) * bank_rows; shown > bank_rows && row < data.last_row; row += bank_rows) {
      const middle = (Math.max(row, data.first_row) + Math.min(row + bank_rows, data.last_row)) / 2;
      pen.fillText(`bank ${row / bank_rows}`, 6, toY(middle) - 7);
    }
    pen.fillStyle = theme.of("muted");
    for (const row of ticks(data.first_row, data.last_row, shown > bank_rows ? 4 : 8)) {
      if (row > data.first_row && row < data.last_row && shown <= bank_rows) pen.fillText(count(row), 30, toY(row));
    }
    pen.fillText(count(data.first_row), 6, top + 6);
    pen.fillText(count(data.last_row - 1), 6, top + HEIGHT - 7);
  }

  /** Below the rows: when operands found their bank in use, one line per bank. */
  function drawConflicts(pen, theme) {
    const lanes = conflictLanes();
    if (!lanes) return;
    pen.fillStyle = theme.of("muted");
    pen.fillText("conflicts", 6, strip + (lanes * BANK) / 2);
    const colour = hexToRgb(theme.of("ink"));
    for (let bank = 0; bank < lanes; bank++) {
      const y = strip + bank * BANK;
      pen.fillStyle = theme.of("muted");
      pen.font = `9px ${theme.font}`;
      pen.fillText(String(bank), LEFT - 10, y + BANK / 2);
      pen.fillStyle = theme.of("faint");
      pen.fillRect(LEFT, y + BANK - 1.5, inside(), 0.5);
      const each = (toX(data.end) - toX(data.begin)) / data.width;
      for (let index = 0; index < data.width; index++) {
        const share = data.conflicts[bank * data.width + index];
        if (!share) continue;
        const x = toX(data.begin) + index * each;
        if (x < LEFT - 1 || x > LEFT + inside()) continue;
        pen.fillStyle = css(colour, 0.3 + (0.7 * share) / 255);
        pen.fillRect(x, y, each + 0.4, BANK - 2);
      }
    }
    pen.font = `11px ${theme.font}`;
  }

  // What lives where

  const take = (resident) => view.set({ line: resident.line, selected: resident.command });
  const askResidents = perFrame(quietly(async () => {
    const begun = performance.now();
    const cycle = view.get("cycle");
    const { residents: found } = await view.ask("residents", { cycle, memory: view.get("memory") });
    if (view.get("cycle") !== cycle) return;
    timed("scratchpad slider", begun);
    if (!found.length) return fill(residents, h("p", { class: "ack-muted ack-pad" }, "No row holds data that are still needed."));
    fill(residents, h("table", {}, h("thead", {}, h("tr", {}, ["rows", "holds", "written", "needed until", "line", "loaded"].map((text) => h("th", {}, text)))),
      h("tbody", {}, found.map((one) => h("tr", { class: "ack-pad-row", tabindex: 0, on: { click: () => take(one), keydown: (event) => event.key === "Enter" && take(one) } },
        h("td", { class: "ack-number" }, `${count(one.first_row)}\u2013${count(one.first_row + one.rows - 1)}`), h("td", { class: "ack-code" }, one.label),
        h("td", { class: "ack-right" }, count(one.written)), h("td", { class: "ack-right" }, count(one.last_read)), h("td", { class: "ack-right" }, one.line || ""),
        h("td", {}, one.loads > 1 ? `${one.loads} times` : one.loads ? "once" : ""))))));
  }));

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function onDown(event) {
    canvas.focus();
    const [x, y] = place(event);
    if (x < LEFT) return;
    moveTo(toCycle(x));
    if (data && y > top && y < top + HEIGHT) pick(toRow(y), toCycle(x), true);
  }

  let hovering = 0;
  function onMove(event) {
    const [x, y] = place(event);
    if (event.buttons && x >= LEFT) return moveTo(toCycle(x));
    const bank = data && y >= strip ? Math.floor((y - strip) / BANK) : -1;
    hint.hidden = !data || x < LEFT || y < top || (y > top + HEIGHT && !(bank >= 0 && bank < conflictLanes()));
    if (hint.hidden) return;
    hint.style.left = `${Math.min(x + 14, picture.clientWidth - 290)}px`;
    hint.style.top = `${y + 14}px`;
    if (bank >= 0) {
      hovering++;
      const share = data.conflicts[bank * data.width + Math.floor(((toCycle(x) - data.begin) / (data.end - data.begin)) * data.width)] ?? 0;
      hint.textContent = `bank ${bank}: operands wait for it in ${percent(share / 255)} of these cycles\n${count(facts_().conflicts[bank])} cycles in the whole run`;
      return;
    }
    const row = toRow(y);
    hint.textContent = `${view.get("memory")} row ${count(row)}, cycle ${count(toCycle(x))}`;
    const mine = ++hovering;
    setTimeout(() => { if (mine === hovering && !hint.hidden) pick(row, toCycle(x), false); }, 60);
  }

  const pick = quietly(async (row, cycle, choose) => {
    const { resident } = await view.ask("place", { row, cycle, memory: view.get("memory") });
    if (choose) return resident && take(resident);
    const base = view.get("memory") === "accumulator" ? 0x80000000 : 0;
    const lines = [`row ${count(row)} = address 0x${(base + row).toString(16)}, cycle ${count(cycle)}`];
    if (resident) {
      const needed = resident.last_read < 0 ? "never read" : resident.last_read < cycle ? `last read at ${count(resident.last_read)}: no longer needed` : `needed until ${count(resident.last_read)}`;
      lines.push(resident.label, `written at ${count(resident.written)}${resident.line ? ` by line ${resident.line}` : ""}`, needed);
      if (resident.loads > 1) lines.push(`loaded for the ${resident.loads}${["th", "st", "nd", "rd"][resident.loads] ?? "th"} time`);
    } else lines.push("nothing yet");
    hint.textContent = lines.join("\n");
  });

  function onWheel(event) {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(Math.max(-100, Math.min(100, event.deltaY)) / 220), toCycle(place(event)[0]));
  }

  function onKey(event) {
    const far = Math.max(1, (window_()[1] - window_()[0]) / (event.shiftKey ? 10 : 100));
    const action = {
      ArrowLeft: () => moveTo(view.get("cycle") - far), ArrowRight: () => moveTo(view.get("cycle") + far),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), Home: () => look(0, overview().cycles), " ": togglePlay,
    }[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  async function decode() {
    if (!address.value.trim()) return fill(answer);
    const { text } = await view.ask("address", { text: address.value });
    fill(answer, text);
  }

  function describe() {
    const one = facts_();
    title.textContent = `${overview().name} on ${overview().machine}`;
    const unread = one.never_read ? `, ${count(one.never_read)} rows written and never read` : "";
    const conflicts = one.conflicts.reduce((a, b) => a + b, 0);
    facts.textContent = `${count(one.used)} of ${count(one.rows)} ${view.get("memory")} rows used, ${count(one.rows - one.used)} never${unread}${conflicts ? `, ${count(conflicts)} cycles of bank conflicts` : ""}`;
    const banks = Array.from({ length: one.rows / one.bank_rows }, (_, bank) => [bank * one.bank_rows, (bank + 1) * one.bank_rows, `Bank ${bank}`]);
    const used = Math.min(one.rows, Math.ceil(Math.max(one.highest, 16) / 64) * 64);
    const options = [[0, one.rows, "All rows"], used < one.rows ? [0, used, `Rows 0 to ${count(used - 1)} (in use)`] : null, ...banks].filter(Boolean);
    fill(rows, options.map(([first, last, text]) => h("option", { value: `${first} ${last}`, selected: view.get("rows")[0] === first && view.get("rows")[1] === last }, text)));
    fill(legend, palette(paint(view.root)).map(({ name, colour: own }) => h("span", { class: "ack-key" }, h("span", { class: "ack-swatch", style: { background: `var(--ack-${own})` } }), name)),
      h("span", { class: "ack-key" }, "pale: few of the rows"),
      conflictLanes() ? h("span", { class: "ack-key" }, h("span", { class: "ack-swatch", style: { background: "var(--ack-ink)" } }), "below: an operand waits for its bank") : null);
    const again = overview().memories.scratchpad.reloaded;
    fill(reloads, again.length ? [h("h4", {}, "Loads from memory"), h("table", {}, h("thead", {}, h("tr", {}, ["operand", "loads", "of data loaded before"].map((text, index) => h("th", { class: index ? "ack-right" : "" }, text)))),
      h("tbody", {}, again.map(([name, all, repeated]) => h("tr", {}, h("td", {}, name), h("td", { class: "ack-right" }, count(all)), h("td", { class: "ack-right" }, `${count(repeated)} (${Math.round((100 * repeated) / all)} %)`)))))] : null);
  }

  view.watch(["window", "rows", "colour", "memory"], () => {
    describe();
    draw();
    refresh();
    askResidents();
  });
  view.watch("cycle", () => {
    draw();
    askResidents();
  });
  view.watch("overview", describe);
  view.onLayout(picture, () => {
    bitmap = null;
    draw();
    refresh();
  });
  describe();
  refresh();
  askResidents();
  return view.end;
}

export default { render: renderScratchpad };
