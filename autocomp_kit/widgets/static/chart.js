// A scatter chart on canvas with logarithmic axes: points that can be chosen, lines, and bounds with names.

import { paint, sharp, short, ticks } from "./kit.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [62, 14, 12, 36];

/** A scale from values to pixels, logarithmic if both ends are positive and `log` is wanted. */
function scale(low, high, from, to, log) {
  const place = log ? Math.log : (value) => value;
  const [a, b] = [place(low), place(high)];
  return (value) => from + ((place(value) - a) / (b - a || 1)) * (to - from);
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  return found.length > 2 ? found : ticks(low, high, 5);
}

/**
 * Draw; returns a function from a place on the canvas to the index of the nearest point, or -1.
 * `points`: {x, y, colour, size, ring}; `lines`: {points: [[x, y]], colour, dash}; `bounds`: {y|slope, colour, label}.
 */
export function drawChart(canvas, root, { width, height, points, lines = [], bounds = [], xRange, yRange, xLog = false, xTicks, labels }) {
  const theme = paint(root);
  const pen = sharp(canvas, width, height);
  const x = scale(...xRange, LEFT, width - RIGHT, xLog);
  const y = scale(...yRange, height - BOTTOM, TOP, true);
  pen.font = `11px ${theme.font}`;
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  const yTicks = logTicks(...yRange);
  yTicks.forEach((value, index) => {
    if (yTicks.length > 9 && index % 2) return;
    const at = Math.round(y(value)) + 0.5;
    pen.strokeStyle = theme.of("border");
    pen.beginPath();
    pen.moveTo(LEFT, at);
    pen.lineTo(width - RIGHT, at);
    pen.stroke();
    pen.fillStyle = theme.of("muted");
    pen.textAlign = "right";
    pen.fillText(short(value), LEFT - 6, at);
  });
  pen.textAlign = "center";
  let lastLabel = -Infinity;
  for (const value of xTicks ?? logTicks(...xRange)) {
    const at = x(value);
    if (at - lastLabel < 44) continue;
    lastLabel = at;
    pen.fillStyle = theme.of("muted");
    pen.fillText(short(value), at, height - BOTTOM + 11);
    pen.fillRect(at, height - BOTTOM, 1, 4);
  }
  pen.fillText(labels[0], (LEFT + width - RIGHT) / 2, height - 9);
  pen.textAlign = "left";
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, TOP - 6, width - LEFT - RIGHT + 8, height - BOTTOM - TOP + 10);
  pen.clip();
  for (const bound of bounds) {
    pen.strokeStyle = theme.of(bound.colour);
    pen.lineWidth = 2;
    pen.setLineDash(bound.dash ?? []);
    pen.beginPath();
    pen.moveTo(LEFT, y(bound.slope ? xRange[0] * bound.slope : bound.y));
    pen.lineTo(width - RIGHT, y(bound.slope ? xRange[1] * bound.slope : bound.y));
    pen.stroke();
    pen.setLineDash([]);
  }
  for (const line of lines) {
    pen.strokeStyle = theme.of(line.colour);
    pen.lineWidth = line.width ?? 2;
    pen.setLineDash(line.dash ?? []);
    pen.beginPath();
    line.points.forEach(([px, py], index) => (index ? pen.lineTo(x(px), y(py)) : pen.moveTo(x(px), y(py))));
    pen.stroke();
    pen.setLineDash([]);
  }
  for (const point of points) {
    pen.fillStyle = theme.of(point.colour);
    pen.globalAlpha = point.alpha ?? 1;
    pen.beginPath();
    pen.arc(x(point.x), y(point.y), point.size ?? 3, 0, 7);
    if (point.hollow) {
      pen.strokeStyle = theme.of(point.colour);
      pen.lineWidth = 1.2;
      pen.stroke();
    } else pen.fill();
    pen.globalAlpha = 1;
    if (point.ring) {
      pen.strokeStyle = theme.of("vermilion");
      pen.lineWidth = 2.5;
      pen.beginPath();
      pen.arc(x(point.x), y(point.y), (point.size ?? 3) + 3.5, 0, 7);
      pen.stroke();
    }
  }
  pen.restore();
  pen.fillStyle = theme.of("muted");
  pen.textAlign = "left";
  pen.save();
  pen.translate(11, height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(labels[1], 0, 0);
  pen.restore();
  return (px, py) => {
    let best = -1;
    let distance = 14 * 14;
    points.forEach((point, index) => {
      const away = (x(point.x) - px) ** 2 + (y(point.y) - py) ** 2;
      if (away < distance) [best, distance] = [index, away];
    });
    return best;
  };
}
