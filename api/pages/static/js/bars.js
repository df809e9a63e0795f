// Bars, drawn by uPlot, which is loaded with the first of them. Colours come from the page's theme,
// and nothing is told by colour alone: a second series is striped, and each bar's number is written
// at it where there is room, and below the chart for the bar that is pointed at.

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {number[]} values
 * @property {"accent" | "bad"} tint
 * @property {boolean} [striped]
 *
 * @typedef {object} Bars
 * @property {"time" | "names" | "across"} kind Along time, beside each other, or one below another.
 * @property {number} [width] How long a bar is, in seconds.
 * @property {number[]} [at] When each begins, in seconds since 1970.
 * @property {string[]} [names]
 * @property {Series[]} series Stacked on each other.
 * @property {(index: number) => string} said What is said of the bar that is pointed at.
 */

const DAY_SECONDS = 86_400;
const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const YEAR = new Intl.DateTimeFormat(undefined, { year: "numeric" });
const HEIGHT = 190;
const ROW = 30;
const MOST_NAME = 16;
/** @type {WeakMap<HTMLElement, {chart: any, bars: Bars, observer: ResizeObserver}>} */
const drawn = new WeakMap();

/**
 * Draw, or draw anew, into an element.
 * @param {HTMLElement} place
 * @param {Bars} bars
 */
export async function drawBars(place, bars) {
  const { default: Plot } = await import("../vendor/uplot.min.js");
  const before = drawn.get(place);
  before?.chart.destroy();
  before?.observer.disconnect();
  place.replaceChildren();
  const said = document.createElement("p");
  said.className = "plot-said soft";
  said.textContent = bars.series.length > 1 ? bars.series.map(legend).join(", ") : "";
  const chart = new Plot(options(Plot, place, bars, said), data(bars), place);
  place.append(said);
  const observer = new ResizeObserver(() => {
    if (place.clientWidth) chart.setSize({ width: place.clientWidth, height: chart.height });
  });
  observer.observe(place);
  drawn.set(place, { chart, bars, observer });
  if (!before) followTheme(place);
}

/** @param {Series} series */
const legend = ({ name, striped }) => `${striped ? "▨" : "■"} ${name}`;

/** @param {HTMLElement} place */
function followTheme(place) {
  const again = () => {
    const found = drawn.get(place);
    if (found) drawBars(place, found.bars);
  };
  document.addEventListener("themechange", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}

/** @param {Bars} bars */
function data({ kind, at, width, series }) {
  const count = series[0].values.length;
  const along = kind === "time" ? at.map((each) => each + width / 2) : [...Array(count).keys()];
  // The upper ones are drawn first, from the ground up, and the lower ones over them.
  const heights = [];
  let below = Array(count).fill(0);
  for (const { values } of series) heights.push(below = values.map((value, index) => value + below[index]));
  // Nothing is no bar, not even a line.
  return [along, ...heights.reverse().map((each) => each.map((height) => height || null))];
}

function options(Plot, place, bars, said) {
  const colours = read(place);
  const across = bars.kind === "across";
  const count = bars.series[0].values.length;
  const reversed = [...bars.series].reverse();
  const text = { stroke: colours.soft, font: "12px system-ui, sans-serif", ticks: { show: false } };
  const ground = { ...text, grid: { stroke: colours.line, width: 1 }, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1e3, 1e4, 1e5], size: 34, space: 36 };
  return {
    width: place.clientWidth || 300,
    height: across ? Math.max(2, count) * ROW + 34 : HEIGHT,
    padding: [8, 34, 0, 0],
    legend: { show: false },
    cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { ...(across ? { ori: 1, dir: -1 } : {}), time: bars.kind === "time", range: () => ends(bars, count) },
      y: { ...(across ? { ori: 0, dir: 1 } : {}), range: (_, __, most) => [0, Math.max(1, most) * (across ? 1 : 1.12)] },
    },
    axes: [
      bars.kind === "time"
        ? { ...text, grid: { show: false }, space: 70, size: 42, values: (_, at) => dates(at, bars.width) }
        : {
          ...text, grid: { show: false }, side: across ? 3 : 2,
          size: across ? nameRoom(bars.names, place) : 30, splits: () => [...Array(count).keys()],
          values: (_, at) => at.map((index) => across ? shortened(bars.names[index]) : thinned(bars.names, index, place)),
        },
      across ? { show: false, side: 2 } : ground,
    ],
    series: [{}, ...reversed.map((series) => ({
      label: series.name,
      paths: Plot.paths.bars({ size: [bars.kind === "time" ? 0.8 : 0.72, 64], radius: 0.08 }),
      points: { show: false },
      width: 1,
      stroke: colours[series.tint],
      fill: series.striped ? stripes(colours[series.tint], colours.surface) : colours[series.tint],
    }))],
    hooks: {
      draw: [(chart) => { if (bars.kind !== "time") writeNumbers(chart, bars, colours, across); }],
      setCursor: [(chart) => {
        const index = chart.cursor.idx;
        if (index !== null && index !== undefined) said.textContent = bars.said(index);
      }],
    },
  };
}

/** @returns {[number, number]} */
function ends({ kind, at, width }, count) {
  if (kind !== "time") return [-0.5, count - 0.5];
  // One bar alone would be as wide as the chart.
  const room = Math.max(0, 8 - count) / 2 * width;
  return [at[0] - room, at[count - 1] + width + room];
}

function writeNumbers(chart, { series: [{ values }] }, colours, across) {
  const context = chart.ctx;
  const ratio = devicePixelRatio;
  context.save();
  context.fillStyle = colours.ink;
  context.font = `${12 * ratio}px system-ui, sans-serif`;
  context.textAlign = across ? "left" : "center";
  context.textBaseline = across ? "middle" : "bottom";
  values.forEach((value, index) => {
    if (!value && !across) return;
    const along = chart.valToPos(index, "x", true);
    const end = chart.valToPos(value, "y", true);
    if (across) context.fillText(String(value), end + 6 * ratio, along);
    else context.fillText(String(value), along, end - 3 * ratio);
  });
  context.restore();
}

/**
 * A pattern that can be told from a plain bar without seeing its colour.
 * @param {string} colour
 * @param {string} ground
 */
function stripes(colour, ground) {
  const tile = document.createElement("canvas");
  const size = tile.width = tile.height = 8 * devicePixelRatio;
  const context = tile.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, size, size);
  context.strokeStyle = colour;
  context.lineWidth = size / 4;
  for (const shift of [-size, 0, size]) {
    context.beginPath();
    context.moveTo(shift, size);
    context.lineTo(shift + size, 0);
    context.stroke();
  }
  return context.createPattern(tile, "repeat");
}

/** Custom properties do not say which of two colours counts, so elements are asked. */
function read(place) {
  const found = {};
  for (const name of ["accent", "bad", "ink", "soft", "line", "surface"]) {
    const probe = document.createElement("i");
    probe.className = `tint-${name}`;
    place.append(probe);
    found[name] = getComputedStyle(probe).color;
    probe.remove();
  }
  return found;
}

/** @param {string} name */
function shortened(name) {
  const letters = [...name];
  return letters.length > MOST_NAME ? `${letters.slice(0, MOST_NAME - 1).join("")}…` : name;
}

function nameRoom(names, place) {
  const longest = Math.max(...names.map((name) => [...shortened(name)].length));
  return Math.min(longest * 8 + 14, place.clientWidth * 0.42 || 120);
}

/**
 * Name moments of an axis in the reader's own way: times, with the day where one begins; or days,
 * with the year where one begins.
 * @param {number[]} at
 * @param {number} width
 */
function dates(at, width) {
  const isMidnight = (each) => new Date(each * 1000).toTimeString().startsWith("00:00");
  const [small, large] = width < DAY_SECONDS && !at.every(isMidnight) ? [TIME, DAY] : [DAY, YEAR];
  let before = "";
  return at.map((each) => {
    const moment = each * 1000;
    const around = large.format(moment);
    const label = around === before ? small.format(moment) : `${small.format(moment)}\n${around}`;
    before = around;
    return label;
  });
}

/** Leave out names for which there is no room. */
function thinned(names, index, place) {
  const longest = Math.max(...names.map((name) => name.length)) * 7 + 8;
  const step = Math.ceil(names.length * longest / (place.clientWidth || 300));
  return index % step ? "" : names[index];
}
