"use strict";

// Everything shown comes from the data block. Text is only ever set as text, never as markup.
const page = JSON.parse(document.getElementById("data").textContent);
const place = { task: 0, attempt: 0, step: 0 };

const TONES = { succeeded: "good", failed: "bad", running: "warn", cancelled: "warn", blocked: "warn", abandoned: "warn" };
const get = (id) => document.getElementById(id);
const task = () => page.tasks[place.task];
const attempt = () => task()?.attempts[place.attempt];
const steps = () => attempt()?.steps ?? [];
const step = () => steps()[place.step];

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const seconds = (value) => (value === null ? "–" : value < 10 ? `${value.toFixed(2)} s` : `${value.toFixed(0)} s`);
const pill = (status, more = "") =>
  make("span", { class: `pill ${TONES[status] ?? "idle"}` }, more ? `${status}: ${more}` : status);

// --- the run and its tasks

function showRun() {
  const { run } = page;
  const done = page.tasks.filter((one) => one.status === "succeeded").length;
  get("run").replaceChildren(
    make("h1", {}, run.name),
    pill(run.status),
    make(
      "div",
      { class: "facts" },
      make("span", {}, `${done} of ${page.tasks.length} tasks succeeded`),
      run.wall_s === null ? null : make("span", {}, seconds(run.wall_s)),
      make("span", {}, new Date(run.started_at * 1000).toLocaleString()),
      make("span", { class: "mono" }, run.id),
    ),
  );
}

function showTasks() {
  get("tasks").replaceChildren(make("ol", {}, ...page.tasks.map(taskItem)));
}

function taskItem(one, index) {
  const attempts = one.attempts.map((each, number) => make("li", {}, attemptButton(each, index, number)));
  const none = make("p", { class: "none" }, "never started");
  return make(
    "li",
    { class: "task" },
    make("div", { class: "name" }, make("span", {}, one.id), pill(one.status)),
    attempts.length ? make("ol", {}, ...attempts) : none,
  );
}

function attemptButton(each, taskIndex, attemptIndex) {
  const label = each.kind ? `attempt ${each.number} · ${each.kind}` : `attempt ${each.number}`;
  return make(
    "button",
    {
      type: "button",
      "data-place": `${taskIndex}/${attemptIndex}`,
      "aria-label": `${page.tasks[taskIndex].id}, ${label}, ${each.status}, ${each.steps.length} steps`,
      onclick: () => go({ task: taskIndex, attempt: attemptIndex, step: 0 }),
    },
    make("span", {}, label),
    make("span", { class: "steps" }, `${each.steps.length}`),
  );
}

function markAttempt() {
  const nav = get("tasks");
  for (const button of nav.querySelectorAll("button")) {
    button.removeAttribute("aria-current");
    if (button.dataset.place !== `${place.task}/${place.attempt}`) continue;
    button.setAttribute("aria-current", "true");
    const below = button.offsetTop + button.offsetHeight - nav.scrollTop;
    if (below > nav.clientHeight || button.offsetTop < nav.scrollTop) nav.scrollTop = button.offsetTop - 80;
  }
}

// --- one step

function showHeading() {
  const now = attempt();
  get("heading").textContent = now ? `${task().id}, attempt ${now.number}` : (task()?.id ?? "No tasks");
  get("position").textContent = step() ? `Step ${place.step + 1} of ${steps().length}` : "No steps";
  get("previous").disabled = place.step === 0;
  get("next").disabled = place.step >= steps().length - 1;
}

function showPicture() {
  const now = step();
  const frame = now && page.frames[now.frame];
  get("picture").hidden = get("markers").toggleAttribute("hidden", !frame);
  get("missing").hidden = Boolean(frame);
  if (frame) {
    get("picture").src = frame.image;
    get("picture").width = frame.width;
    get("picture").height = frame.height;
    get("picture").alt = `The screen at step ${place.step + 1}. ${deeds(now).map(deedText).join(", ")}`;
    get("screen").style.setProperty("--shape", frame.width / frame.height);
    drawMarkers(now, frame);
  }
  get("caption").replaceChildren(...deeds(now).map(deedChip));
}

const deeds = (now) => now?.deeds ?? [];
const deedText = (deed) => `${deed.verb} ${deed.detail}`.trim();

function deedChip(deed, index) {
  const number = deeds(step()).length > 1 ? make("b", {}, `${index + 1}`) : null;
  return make("span", { class: deed.ok === false ? "deed failed" : "deed" }, number, make("span", {}, deedText(deed)));
}

function drawMarkers(now, frame) {
  const svg = get("markers");
  svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  svg.replaceChildren();
  const unit = markUnit(frame);
  const numbered = deeds(now).length > 1;
  deeds(now).forEach((deed, index) => {
    deed.marks.forEach((points) => svg.append(...mark(points, unit)));
    const last = deed.marks.at(-1)?.at(-1);
    if (last && numbered) svg.append(...badge(last, index + 1, unit));
  });
}

// A hundredth of the screen, but never too small to see where the page is narrow.
function markUnit(frame) {
  const shown = get("screen").clientWidth / Math.max(frame.width, frame.height);
  return Math.max(Math.max(frame.width, frame.height) / 100, 7 / shown);
}

function draw(tag, properties, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(properties)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// One point is where the pointer acted; several are the way it was dragged, with an arrow at the end.
function mark(points, unit) {
  const [x, y] = points.at(-1);
  const disc = draw("circle", { class: "mark-disc", cx: x, cy: y, r: unit * 1.3, "stroke-width": unit * 0.22 });
  const halo = draw("circle", { class: "mark-halo", cx: x, cy: y, r: unit * 1.5, "stroke-width": unit * 0.18 });
  if (points.length === 1) {
    return [halo, disc, draw("circle", { class: "mark-badge", cx: x, cy: y, r: unit * 0.3, "stroke-width": 0 })];
  }
  const way = points.map((point) => point.join(",")).join(" ");
  return [
    draw("polyline", { class: "mark-halo", points: way, "stroke-width": unit * 0.75 }),
    draw("polyline", { class: "mark-line", points: way, "stroke-width": unit * 0.4 }),
    draw("circle", { class: "mark-badge", cx: points[0][0], cy: points[0][1], r: unit * 0.5, "stroke-width": unit * 0.15 }),
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

function showStrip() {
  get("strip").replaceChildren(...steps().map((one, index) => make("li", {}, stripButton(one, index))));
}

function stripButton(one, index) {
  const frame = page.frames[one.frame];
  const what = one.deeds.length ? one.deeds.map((deed) => deed.verb).join(", ") : one.say;
  const short = one.deeds.length > 1 ? `${one.deeds[0].verb} +${one.deeds.length - 1}` : what;
  return make(
    "button",
    {
      type: "button",
      class: one.deeds.some((deed) => deed.ok === false) ? "failed" : "",
      "aria-label": `Step ${index + 1}: ${what}`,
      onclick: () => go({ ...place, step: index }),
    },
    frame ? make("img", { src: frame.thumbnail, alt: "" }) : make("span", { class: "blank" }),
    make("span", { class: "label" }, make("span", {}, `${index + 1}`), make("span", {}, short)),
  );
}

function markCurrent() {
  [...get("strip").querySelectorAll("button")].forEach((button, index) => {
    button.removeAttribute("aria-current");
    if (index !== place.step) return;
    button.setAttribute("aria-current", "step");
    const middle = button.offsetLeft + button.offsetWidth / 2;
    get("strip").scrollTo({ left: middle - get("strip").clientWidth / 2 });
  });
}

// --- details

const heading = (text) => make("h4", {}, text);
const block = (title, ...rows) => (rows.length ? [heading(title), ...rows] : []);
const facts = (pairs) =>
  make("dl", {}, ...pairs.filter(([, value]) => value).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]));

function sign(ok, ...content) {
  const tone = ok === null ? "idle" : ok ? "good" : "bad";
  const name = ok === null ? "not carried out" : ok ? "passed" : "failed";
  const symbol = make("span", { class: "sign", role: "img", "aria-label": name }, ok === null ? "–" : ok ? "✓" : "✗");
  return make("div", { class: `row ${tone}` }, symbol, make("div", { class: "text" }, ...content));
}

function showStep() {
  const now = step();
  if (!now) return get("step").replaceChildren(make("p", { class: "soft" }, "This attempt has no steps."));
  get("step").replaceChildren(
    make("h3", {}, `Step ${place.step + 1}`, make("span", { class: "soft" }, `at ${seconds(now.at_s)}`)),
    now.note ? make("p", { class: "text" }, now.note) : "",
    ...block("Emitted", make("pre", { tabindex: "0", "aria-label": "Emitted" }, now.emitted)),
    ...block("Executed", ...now.deeds.map(deedRow)),
    ...block("Windows", ...now.windows.map(windowRow)),
    ...block("Timing and cost", facts(now.facts)),
  );
}

function deedRow(deed) {
  return sign(deed.ok, deedText(deed), deed.error ? make("div", { class: "problem" }, deed.error) : null);
}

function windowRow(each) {
  const name = make("div", { class: "text" }, each.title || "(untitled)", make("span", { class: "soft" }, ` ${each.application}`));
  const dot = make("span", { class: "sign", role: "img", "aria-label": each.focused ? "focused" : "window" }, each.focused ? "●" : "○");
  return make("div", { class: "row" }, dot, name);
}

function showOutcome() {
  const now = attempt();
  if (!now) return get("outcome").replaceChildren(make("h3", {}, "Outcome", pill(task()?.status ?? "")), make("p", {}, task()?.reason ?? ""));
  get("outcome").replaceChildren(
    make("h3", {}, `Attempt ${now.number}`, pill(now.status, now.kind)),
    now.reason ? make("p", { class: "text problem" }, now.reason) : "",
    ...block("Instruction", make("p", { class: "text" }, task().instruction)),
    ...block("Verdict", ...now.checks.map((check) => sign(check.ok, check.name, check.detail ? make("div", { class: check.ok ? "soft" : "problem" }, check.detail) : null))),
    ...block("Inputs", ...now.inputs.map(artifactRow)),
    ...block("Outputs", ...now.outputs.map(artifactRow)),
    ...block("Attempt", facts(now.facts)),
  );
}

function artifactRow(each) {
  const hash = make("div", { class: "mono soft", title: each.sha256 }, `${each.sha256.slice(0, 16)}… · ${each.bytes} bytes`);
  return make("div", { class: "row" }, make("div", { class: "text" }, make("b", {}, each.name), ` ${each.path}`, hash));
}

// --- moving about

function go(to) {
  const moved = to.task !== place.task || to.attempt !== place.attempt;
  Object.assign(place, to);
  place.step = Math.max(0, Math.min(place.step, steps().length - 1));
  show(moved);
  history.replaceState(null, "", link());
}

function show(everything) {
  if (everything) {
    markAttempt();
    showStrip();
    showOutcome();
  }
  showHeading();
  showPicture();
  showStep();
  markCurrent();
}

function link() {
  const parts = [task()?.id, attempt()?.number, step() && place.step + 1];
  return "#" + parts.filter((part) => part !== undefined).map(encodeURIComponent).join("/");
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// #task/attempt/step; what is left out or unknown is the first of its kind, the last attempt.
function followLink() {
  const [id, number, at] = location.hash.slice(1).split("/").map(decode);
  const found = Math.max(0, page.tasks.findIndex((one) => one.id === id));
  const attempts = page.tasks[found]?.attempts ?? [];
  const named = attempts.findIndex((one) => String(one.number) === number);
  place.task = found;
  place.attempt = named >= 0 ? named : Math.max(0, attempts.length - 1);
  place.step = Math.max(0, Math.min((Number.parseInt(at, 10) || 1) - 1, steps().length - 1));
  show(true);
}

const KEYS = {
  ArrowLeft: () => place.step - 1,
  ArrowRight: () => place.step + 1,
  Home: () => 0,
  End: () => steps().length - 1,
};

document.addEventListener("keydown", (event) => {
  const target = KEYS[event.key];
  if (!target || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go({ ...place, step: target() });
});
get("previous").addEventListener("click", () => go({ ...place, step: place.step - 1 }));
get("next").addEventListener("click", () => go({ ...place, step: place.step + 1 }));
window.addEventListener("hashchange", followLink);
window.addEventListener("resize", showPicture);
showRun();
showTasks();
followLink();
