// --- the screen: as the agent saw it, before and after what it did, or the difference

const MODES = { screen: "Screen", slide: "Before and after", difference: "Difference" };
let mode = "screen";

class Screen {
  // `figure` holds a canvas, an svg for the markers, a slider and a line of text below.
  constructor(figure) {
    const part = (name) => figure.querySelector(`.${name}`);
    Object.assign(this, { figure, box: part("screen"), canvas: part("picture"), markers: part("markers") });
    Object.assign(this, {
      slider: part("slider"),
      missing: part("missing"),
      caption: part("caption"),
      said: part("said"),
    });
    this.context = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.before = new Composer();
    this.after = new Composer();
    this.outlined = null;
    this.slider.addEventListener("input", () => this.paint());
    new ResizeObserver(() => this.mark()).observe(this.box);
  }

  async show(tried, at, name) {
    Object.assign(this, { now: tried?.steps[at], next: tried?.steps[at + 1], outlined: null });
    const has = this.now !== undefined && this.now.frame !== null;
    this.canvas.hidden = !has;
    this.markers.toggleAttribute("hidden", !has);
    this.missing.hidden = has;
    this.caption.replaceChildren(
      ...(this.now?.deeds ?? []).map((deed, index, all) => deedChip(deed, index, all.length > 1)),
    );
    this.slider.hidden = !has || mode !== "slide" || !this.canCompare();
    if (!has) return;
    this.canvas.setAttribute("aria-label", `${name}. ${this.now.deeds.map(deedText).join(", ")}`);
    const { width, height } = page.frames[this.now.frame];
    this.box.style.setProperty("--shape", width / height);
    this.mark();
    const ready = [
      this.before.show(this.now.frame),
      this.canCompare() && mode !== "screen" ? this.after.show(this.next.frame) : true,
    ];
    if ((await Promise.all(ready)).every(Boolean)) this.paint();
  }

  canCompare() {
    return (
      this.next !== undefined && this.next.frame !== null && differingTiles(this.now.frame, this.next.frame) !== null
    );
  }

  paint() {
    const { width, height } = page.frames[this.now.frame];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.context.drawImage(this.before.canvas, 0, 0);
    this.said.textContent = "";
    if (mode !== "screen")
      this.said.textContent = this.canCompare() ? this.compare(width, height) : "No next screen to compare with.";
    this.canvas.dataset.frame = this.now.frame;
  }

  compare(width, height) {
    if (mode === "difference") return this.differ(width, height);
    const split = Math.round((width * this.slider.valueAsNumber) / 100);
    this.context.drawImage(this.after.canvas, split, 0, width - split, height, split, 0, width - split, height);
    this.context.fillStyle = "#ff3d71";
    this.context.fillRect(split - 1, 0, 2, height);
    return "Left of the line: before. Right of it: after.";
  }

  // The screen after, faint, with every pixel that changed.
  differ(width, height) {
    let count = 0;
    this.context.drawImage(this.after.canvas, 0, 0);
    this.context.fillStyle = "rgb(255 255 255 / 75%)";
    this.context.fillRect(0, 0, width, height);
    const tiles = differingTiles(this.now.frame, this.next.frame);
    const columns = Math.ceil(width / TILE);
    for (const at of tiles)
      count += this.differTile((at % columns) * TILE, Math.floor(at / columns) * TILE, width, height);
    return `${count.toLocaleString()} pixels changed, in ${tiles.length} of ${page.tiles[this.now.frame].length} tiles.`;
  }

  differTile(x, y, width, height) {
    const area = [x, y, Math.min(TILE, width - x), Math.min(TILE, height - y)];
    const [before, after] = [this.before, this.after].map(
      (one) => new Uint32Array(one.context.getImageData(...area).data.buffer),
    );
    const picture = this.context.getImageData(...area);
    const pixels = new Uint32Array(picture.data.buffer);
    let count = 0;
    before.forEach((pixel, at) => {
      if (pixel === after[at]) return;
      pixels[at] = 0xff713dff;
      count++;
    });
    this.context.putImageData(picture, x, y);
    return count;
  }

  // The object of a row of the tree, or none.
  outline(rect) {
    this.outlined = rect;
    this.mark();
  }

  mark() {
    this.markers.replaceChildren();
    if (!this.now || this.now.frame === null) return;
    const { width, height } = page.frames[this.now.frame];
    this.markers.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const unit = this.unit(Math.max(width, height));
    const rows = treeOf(this.now);
    this.now.deeds.forEach((deed, index, all) => {
      const rect = deed.node === null ? null : node(rows[deed.node]).rect;
      if (rect) this.markers.append(frameOf(rect, "mark-node", unit));
      this.markers.append(...deed.emitted.flatMap((point) => emittedMark(point, unit)));
      if (deed.executed.length) this.markers.append(...executedMark(deed.executed, unit));
      const last = deed.executed.at(-1) ?? deed.emitted.at(-1);
      if (last && all.length > 1) this.markers.append(...badge(last, index + 1, unit));
    });
    if (this.outlined) this.markers.append(frameOf(this.outlined, "mark-chosen", unit));
  }

  // A hundredth of the screen, but never too small to see where the page is narrow.
  unit(longest) {
    return Math.max(longest / 100, (7 * longest) / Math.max(1, this.box.clientWidth));
  }
}

function deedChip(deed, index, numbered) {
  const number = numbered ? make("b", {}, `${index + 1}`) : null;
  return make("span", { class: deed.ok === false ? "deed failed" : "deed" }, number, make("span", {}, deedText(deed)));
}

// --- markers

const frameOf = ([x, y, width, height], kind, unit) =>
  draw("rect", { class: kind, x, y, width, height, "stroke-width": unit * 0.2 });

const emittedMark = ([cx, cy], unit) => [
  draw("circle", { class: "mark-halo", cx, cy, r: unit * 1.9, "stroke-width": unit * 0.45 }),
  draw("circle", {
    class: "mark-emitted",
    cx,
    cy,
    r: unit * 1.9,
    "stroke-width": unit * 0.3,
    "stroke-dasharray": `${unit * 0.7} ${unit * 0.5}`,
  }),
];

// One point is where input went; several are the way of a drag, with an arrow at the end.
function executedMark(points, unit) {
  const [cx, cy] = points.at(-1);
  if (points.length === 1) {
    return [
      draw("circle", { class: "mark-halo", cx, cy, r: unit * 1.5, "stroke-width": unit * 0.18 }),
      draw("circle", { class: "mark-disc", cx, cy, r: unit * 1.3, "stroke-width": unit * 0.22 }),
      draw("circle", { class: "mark-badge", cx, cy, r: unit * 0.3, "stroke-width": 0 }),
    ];
  }
  const way = points.map((point) => point.join(",")).join(" ");
  return [
    draw("polyline", { class: "mark-halo", points: way, "stroke-width": unit * 0.75 }),
    draw("polyline", { class: "mark-line", points: way, "stroke-width": unit * 0.4 }),
    draw("circle", {
      class: "mark-badge",
      cx: points[0][0],
      cy: points[0][1],
      r: unit * 0.5,
      "stroke-width": unit * 0.15,
    }),
    draw("polygon", { class: "mark-badge", points: arrowHead(points, unit * 1.3), "stroke-width": unit * 0.15 }),
  ];
}

function arrowHead(points, size) {
  const [x, y] = points.at(-1);
  const before = points.findLast(([a, b]) => a !== x || b !== y) ?? [x - 1, y];
  const angle = Math.atan2(y - before[1], x - before[0]);
  const corner = (turn) => `${x - size * Math.cos(angle + turn)},${y - size * Math.sin(angle + turn)}`;
  return `${x},${y} ${corner(0.5)} ${corner(-0.5)}`;
}

function badge([x, y], number, unit) {
  const at = { x: x + unit * 1.5, y: y - unit * 1.5 };
  return [
    draw("circle", { class: "mark-badge", cx: at.x, cy: at.y, r: unit * 0.95, "stroke-width": unit * 0.15 }),
    draw("text", { class: "mark-number", x: at.x, y: at.y, "font-size": unit * 1.2 }, `${number}`),
  ];
}

// --- the one that is always there

const mainScreen = new Screen(get("stage"));
const showScreen = () => mainScreen.show(attempt(), place.step, `The screen at step ${place.step + 1}`);
listeners.push(showScreen);

get("modes").append(
  ...Object.entries(MODES).map(([key, name]) =>
    make(
      "button",
      { type: "button", "data-mode": key, "aria-pressed": key === mode, onclick: () => setMode(key) },
      name,
    ),
  ),
);

function setMode(to) {
  mode = to;
  for (const button of get("modes").children) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  showScreen();
  showPair();
}
