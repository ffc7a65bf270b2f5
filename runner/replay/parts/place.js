// --- where the reader is, and what they want to see

let page = null;
const place = { run: 0, task: 0, attempt: 0, step: 0 };
const filter = { failures: false, retries: false, guardrails: false, text: "", nodes: null };
const listeners = [];

const run = () => page.runs[place.run];
const task = () => run().tasks[place.task];
const attempt = () => task()?.attempts[place.attempt];
const steps = () => attempt()?.steps ?? [];
const step = () => steps()[place.step];

const deedText = (deed) => `${deed.verb} ${deed.detail}`.trim();
const hasFailed = (one) => one.say === "failed" || one.deeds.some((deed) => deed.ok === false);
const isTelling = (tried, at) => tried.status === "failed" && tried.telling === at;
const isFiltered = () => filter.failures || filter.retries || filter.guardrails || filter.text !== "";

function fits(owner, tried, one, at) {
  if (filter.retries && owner.attempts.length < 2) return false;
  if (filter.failures && !hasFailed(one) && !isTelling(tried, at)) return false;
  if (filter.guardrails && !one.signals.length) return false;
  return filter.text === "" || words(one).includes(filter.text) || treeOf(one).some((number) => filter.nodes[number]);
}

function words(one) {
  one.words ??= [
    one.note,
    one.emitted,
    one.say,
    ...one.deeds.flatMap((deed) => [deedText(deed), deed.error ?? ""]),
    ...one.windows.flatMap((each) => [each.title, each.application]),
    ...one.signals.flatMap((each) => [each.by, each.text]),
  ]
    .join("\n")
    .toLowerCase();
  return one.words;
}

// The numbers of an attempt's steps that the filters let through.
const fitting = (owner, tried) => [...tried.steps.keys()].filter((at) => fits(owner, tried, tried.steps[at], at));

let shown = [];

function setFilter(change) {
  Object.assign(filter, change);
  filter.nodes = filter.text ? nodesWith(filter.text) : null;
  shown = attempt() ? fitting(task(), attempt()) : [];
  const to = shown.includes(place.step) ? place : (nearest(shown) ?? firstFitting() ?? place);
  moveTo(to, true);
}

const nearest = (found) =>
  found.length ? { ...place, step: found.find((at) => at >= place.step) ?? found.at(-1) } : null;

function firstFitting() {
  for (const [at, owner] of run().tasks.entries()) {
    for (const [number, tried] of owner.attempts.entries()) {
      const [first] = fitting(owner, tried);
      if (first !== undefined) return { ...place, task: at, attempt: number, step: first };
    }
  }
  return null;
}

// To a step, wherever it is. Everybody who shows something is told whether it is of another attempt.
function moveTo(to, anew = false) {
  const elsewhere = anew || ["run", "task", "attempt"].some((part) => to[part] !== place[part]);
  Object.assign(place, to);
  place.step = Math.max(0, Math.min(place.step, steps().length - 1));
  if (elsewhere) shown = attempt() ? fitting(task(), attempt()) : [];
  for (const listener of listeners) listener(elsewhere);
  history.replaceState(null, "", link());
}

// So many of the steps that the filters show, ahead or back.
function moveBy(count) {
  if (!shown.length) return;
  const ahead = shown.findIndex((at) => at >= place.step);
  const here = ahead < 0 ? shown.length - 1 : ahead;
  moveTo({ ...place, step: shown[Math.max(0, Math.min(here + count, shown.length - 1))] });
}

// --- links: #task/attempt/step or #task/attempt/step/vs/run.attempt; what is left out or unknown is where one
// would begin.

function link() {
  const parts = [task()?.id, attempt()?.number, step() && place.step + 1, ...(pair.with ? ["vs", pair.with] : [])];
  return (
    "#" +
    parts
      .filter((part) => part !== undefined)
      .map(encodeURIComponent)
      .join("/")
  );
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function followLink() {
  const [id, number, at, vs, other] = location.hash.slice(1).split("/").map(decode);
  pair.with = vs === "vs" ? other : null;
  const known = run().tasks.findIndex((one) => one.id === id);
  if (known < 0) return moveTo(beginning(), true);
  const tried = run().tasks[known].attempts;
  const named = tried.findIndex((one) => String(one.number) === number);
  const which = named >= 0 ? named : Math.max(0, tried.length - 1);
  const counted = Number.parseInt(at, 10) - 1;
  moveTo(
    { ...place, task: known, attempt: which, step: Number.isNaN(counted) ? (tried[which]?.telling ?? 0) : counted },
    true,
  );
}

// The first task that failed, else one that goes on, else the first; its last attempt, the step that tells most.
function beginning() {
  const first = (status) => run().tasks.findIndex((one) => one.status === status && one.attempts.length);
  const which = [first("failed"), first("running"), 0].find((at) => at >= 0);
  const tried = run().tasks[which]?.attempts ?? [];
  return { ...place, task: which, attempt: Math.max(0, tried.length - 1), step: tried.at(-1)?.telling ?? 0 };
}
