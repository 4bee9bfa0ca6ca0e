// What all widgets share: elements, requests, number formats, colours and C highlighting.
//
// Plans, kernels and messages are untrusted. They reach the page through h() and text nodes only; no function here or
// in another module parses a string as markup, and a test looks for the names of those that could.

/** Make an element. Strings and numbers among the children become text nodes; functions in `on` listen to events. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === "style") for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else if (key === "value" || key === "checked" || key === "disabled" || key === "selected") element[key] = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** A widget's place on the page: its root element, and its ways to the kernel. */
export function open({ model, el, experimental, signal }, name, label) {
  const status = h("div", { class: "ack-status", role: "status" });
  // JupyterLab's shortcuts would take our keys first: Ctrl+Enter would run the cell, arrows would leave it.
  const root = h("div", { class: `ack ack-${name}`, role: "group", "aria-label": label, "data-lm-suppress-shortcuts": "true" });
  el.append(root);
  const begun = performance.now();
  let unpainted = true;
  const ending = new AbortController();
  signal?.addEventListener("abort", () => ending.abort());

  function say(text) {
    status.textContent = text;
    status.hidden = !text;
  }
  say(model.get("problem"));

  async function ask(request, message = {}) {
    const limit = AbortSignal.timeout(60000);
    let answer;
    try {
      answer = await experimental.invoke(request, message, { signal: limit });
    } catch (error) {
      if (ending.signal.aborted) throw error;
      say("The kernel does not answer: run the cell again to make this view live.");
      throw new Quiet(String(error));
    }
    const [response, buffers] = answer;
    if (response.error) {
      say(response.error);
      throw new Quiet(response.error);
    }
    say("");
    return { ...response, buffers: buffers ?? [] };
  }

  function watch(names, react) {
    for (const trait of [names].flat()) {
      model.on(`change:${trait}`, react);
      ending.signal.addEventListener("abort", () => model.off(`change:${trait}`, react));
    }
  }
  watch("problem", () => say(model.get("problem")));

  function set(values) {
    for (const [trait, value] of Object.entries(values)) model.set(trait, value);
    model.save_changes();
  }

  /** Note that the view shows its data: how long that took the first time. */
  function painted() {
    if (unpainted) timed(`${name} first paint`, begun);
    unpainted = false;
  }

  /** Call `react` when the size of an element or the theme of the page changes. */
  function onLayout(element, react) {
    let width = -1;
    const sizes = new ResizeObserver(() => {
      const now = element.clientWidth;
      if (now && now !== width) {
        width = now;
        react();
      }
    });
    sizes.observe(element);
    const themes = new MutationObserver(react);
    themes.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
    ending.signal.addEventListener("abort", () => {
      sizes.disconnect();
      themes.disconnect();
    });
  }

  return { root, status, say, ask, watch, set, onLayout, painted, get: (trait) => model.get(trait), ended: ending.signal, end: () => ending.abort() };
}

/** An error that the status line has told the user already. */
export class Quiet extends Error {}

/** Run an async action of a listener: what the user was told is not an error of the page. */
export function quietly(action) {
  return (...values) => {
    const result = action(...values);
    if (result?.catch) {
      result.catch((error) => {
        if (!(error instanceof Quiet)) throw error;
      });
    }
    return result;
  };
}

export function button(label, title, action, attributes = {}) {
  return h("button", { type: "button", title, "aria-label": title, ...attributes, on: { click: action } }, label);
}

/** Tabs with their panels; `panels` maps a title to a function that fills the panel when it is shown. */
export function tabs(label, titles, show, first = titles[0]) {
  const panel = h("div", { class: "ack-panel", role: "tabpanel", tabindex: 0 });
  const strip = h("div", { class: "ack-tabs", role: "tablist", "aria-label": label });
  let current = first;
  const buttons = titles.map((title) =>
    h("button", { type: "button", role: "tab", class: "ack-tab", on: { click: () => choose(title), keydown: move } }, title),
  );
  strip.append(...buttons);

  function move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (titles.indexOf(current) + step + titles.length) % titles.length;
    choose(titles[next]);
    buttons[next].focus();
  }

  function choose(title) {
    current = title;
    refresh();
  }

  function refresh() {
    titles.forEach((title, index) => {
      buttons[index].setAttribute("aria-selected", String(title === current));
      buttons[index].tabIndex = title === current ? 0 : -1;
    });
    panel.setAttribute("aria-label", current);
    show(current, panel);
  }
  return { strip, panel, refresh, choose, current: () => current };
}

// Numbers

export function count(value) {
  return value === null || value === undefined || Number.isNaN(value) ? "" : Math.round(value).toLocaleString("en-US");
}

/** A count in at most five characters: 987, 12.3k, 4.56M. */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= 0.9995 * size) {
      const scaled = value / size;
      return `${scaled.toFixed(scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0)}${unit}`;
    }
  }
  return String(Math.round(value));
}

export function percent(value) {
  return value === null || value === undefined ? "" : `${(100 * value).toFixed(1)}\u00a0%`;
}

/** Round numbers between two bounds, about `wanted` of them. */
export function ticks(low, high, wanted) {
  const raw = Math.max(1e-9, (high - low) / Math.max(1, wanted));
  const base = 10 ** Math.floor(Math.log10(raw));
  const step = base * [1, 2, 5, 10].find((factor) => factor * base >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(value);
  return found;
}

// Colours

const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];

/** The theme's colours as canvas needs them, by the names of the CSS variables without `--ack-`. */
export function paint(root) {
  const style = getComputedStyle(root);
  const dark = document.body.getAttribute("data-jp-theme-light") === "false";
  return { dark, font: style.getPropertyValue("font-family"), of: (name) => style.getPropertyValue(`--ack-${name}`).trim() };
}

/** Colour of a share from 0 (best, stands out most) to 1; even in lightness, readable by the colour-blind. */
export function shade(share, dark) {
  const within = Math.min(1, Math.max(0, share));
  const place = (dark ? 1 - 0.75 * within : within) * (CIVIDIS.length - 1);
  const index = Math.min(CIVIDIS.length - 2, Math.floor(place));
  const [from, to] = [CIVIDIS[index], CIVIDIS[index + 1]].map((code) => [1, 3, 5].map((at) => parseInt(code.slice(at, at + 2), 16)));
  return from.map((value, channel) => Math.round(value + (to[channel] - value) * (place - index)));
}

export function css(rgb, alpha = 1) {
  return `rgba(${rgb[0]}, ${rgb[1]}, ${rgb[2]}, ${alpha})`;
}

export function inkOn(rgb) {
  return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140 ? "#1b1b1b" : "#ffffff";
}

export function hexToRgb(code) {
  const text = code.trim();
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

/** Give a canvas the resolution of the screen; returns its context in CSS pixels. */
export function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** At most one call per frame, with the latest arguments. */
export function perFrame(action) {
  let waiting = null;
  return (...values) => {
    const first = waiting === null;
    waiting = values;
    if (first) {
      requestAnimationFrame(() => {
        const latest = waiting;
        waiting = null;
        action(...latest);
      });
    }
  };
}

/** Call once there has been no call for a while; `now` does not wait. */
export function calm(action, milliseconds = 500) {
  let timer = null;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
  later.now = () => {
    clearTimeout(timer);
    return action();
  };
  return later;
}

/** How long things take, kept for the browser tests: `globalThis.ackTimes[name]` in milliseconds. */
export function timed(name, begin) {
  const times = (globalThis.ackTimes ??= {});
  const list = (times[name] ??= []);
  list.push(performance.now() - begin);
  if (list.length > 2000) list.shift();
}

// C

const C_TOKEN = /(\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)|(^[ \t]*#[^\n]*)|(\b(?:0[xX][0-9a-fA-F]+|\d+\.?\d*)[uUlLfF]*\b)|([A-Za-z_]\w*)/gm;
const C_KEYWORDS = new Set("for while do if else switch case default break continue return goto static const volatile inline struct union enum typedef sizeof register extern".split(" "));
const C_TYPES = new Set("void int char short long float double signed unsigned bool size_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t elem_t acc_t scale_t".split(" "));
const COMMAND_WORD = /^(?:config_(?:ex|ld|st)|mvin[23]?|mvout|preload|compute_(?:preloaded|accumulated)|fence|(?:sp_)?tiled_\w+|gemmini_\w+)$/;

/** C source as spans with classes; every piece is a text node. */
export function highlightC(text) {
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(C_TOKEN)) {
    if (match.index > from) pieces.push(text.slice(from, match.index));
    const word = match[5];
    const kind = match[1] ? "comment" : match[2] ? "string" : match[3] ? "meta" : match[4] ? "number"
      : COMMAND_WORD.test(word) ? "command" : C_KEYWORDS.has(word) ? "keyword" : C_TYPES.has(word) ? "type" : "";
    pieces.push(kind ? h("span", { class: `ack-c-${kind}` }, match[0]) : match[0]);
    from = match.index + match[0].length;
  }
  pieces.push(text.slice(from));
  return pieces;
}
