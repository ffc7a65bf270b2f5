// --- two attempts side by side: of one task, or of the same task in another run

const PAIR_ROW = 30;
const pair = { with: null, rows: [], first: -1, row: -1, at: -1 };
const pairScreen = new Screen(get("other"));
const pairList = new LongList(get("pair-rows"), "y", PAIR_ROW, (index) => pairButton(pair.rows[index], index));

// What the attempt that is shown can be compared with: `run.attempt`, in words.
function candidates() {
  return page.runs.flatMap((each, number) => {
    const same = each.tasks.find((one) => one.id === task()?.id);
    return (same?.attempts ?? [])
      .filter((tried) => number !== place.run || tried !== attempt())
      .map((tried) => ({
        key: `${number}.${tried.number}`,
        tried,
        name: number === place.run ? `attempt ${tried.number}` : `${each.id}, attempt ${tried.number}`,
      }));
  });
}

const other = () => candidates().find((one) => one.key === pair.with)?.tried;

function pairWith(key) {
  pair.with = key;
  setUpPair();
  if (pair.first >= 0) goToRow(pair.first);
  else moveTo(place);
}

// Beside the same task of the other run: the one that would be shown, or else the first in which they part.
function beginPaired() {
  const start = beginning().task;
  const others = [...run().tasks.keys()].filter((at) => at !== start);
  for (const at of [start, ...others]) {
    moveTo({ ...place, task: at, attempt: Math.max(0, run().tasks[at].attempts.length - 1), step: 0 });
    const same = candidates().findLast(({ key }) => key.startsWith("1."));
    if (same) pairWith(same.key);
    if (pair.first >= 0) return;
  }
  moveTo(beginning());
}

function setUpPair() {
  const all = candidates();
  get("pair-with").replaceChildren(
    make("option", { value: "" }, "nothing"),
    ...all.map(({ key, name }) => make("option", { value: key }, name)),
  );
  get("pair-choice").hidden = !all.length;
  if (!all.some(({ key }) => key === pair.with)) pair.with = null;
  pair.at = -1;
  get("pair-with").value = pair.with ?? "";
  pair.rows = pair.with ? align(steps(), other().steps) : [];
  pair.first = pair.rows.findIndex((one) => one.problem);
  get("other").hidden = !pair.with;
  get("pair-tab").hidden = !pair.with;
  document.body.classList.toggle("paired", Boolean(pair.with));
  if (!pair.with && panel === "pair") openPanel("step-panel");
  showPairRows();
}

function showPairRows() {
  const { first } = pair;
  get("pair-said").textContent =
    first < 0
      ? "Both did the same, with the same outcome."
      : `First divergence: row ${first + 1} of ${pair.rows.length}. ${pair.rows[first].problem}`;
  if (!get("pair").hidden) pairList.reset(pair.rows.length);
}

const rowOf = (at) => pair.rows.findIndex((one) => one.left === at);

function goToRow(index) {
  const step = pair.rows.slice(0, index + 1).findLast((one) => one.left !== null)?.left ?? 0;
  Object.assign(pair, { row: index, at: step });
  moveTo({ ...place, step });
}

function showPair() {
  if (!pair.with) return;
  if (pair.at !== place.step) Object.assign(pair, { row: rowOf(place.step), at: place.step });
  const now = pair.rows[pair.row];
  const right = now?.right ?? null;
  get("other-name").textContent =
    right === null ? "The other one has no such step." : `${nameOfOther()}, step ${right + 1}`;
  pairScreen.show(other(), right ?? -1, `The other screen at step ${(right ?? 0) + 1}`);
  for (const button of get("pair-rows").querySelectorAll("button")) markPairButton(button);
  if (!get("pair").hidden && pair.row >= 0) pairList.reveal(pair.row);
}

const nameOfOther = () => candidates().find((one) => one.key === pair.with)?.name ?? "";

function pairButton(one, index) {
  const number = (at) => (at === null ? "–" : `${at + 1}`);
  const button = make(
    "button",
    {
      type: "button",
      class: one.problem ? "problem" : "",
      title: one.problem,
      "data-row": index,
      onclick: () => goToRow(index),
    },
    make("b", {}, `${number(one.left)} | ${number(one.right)}`),
    make("span", {}, doingInRow(one)),
    index === pair.first ? make("em", {}, "first divergence") : null,
    !one.problem && one.screens ? make("em", { class: "soft" }, one.screens) : null,
  );
  markPairButton(button);
  return button;
}

function markPairButton(button) {
  if (Number(button.dataset.row) === pair.row) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
}

// --- alignment: the longest run of steps, in order, that asked for the same

const doing = (one) => (one.deeds.length ? one.deeds.map(deedText).join(", ") : one.say);
const outcome = (one) => one.deeds.map((deed) => deed.error ?? String(deed.ok)).join("; ");

function doingInRow({ left, right }) {
  const [one, two] = [steps()[left], other().steps[right]].map((each) => (each ? doing(each) : "nothing"));
  return one === two ? one : `${one} ≠ ${two}`;
}

function align(left, right) {
  const length = commonLengths(left.map(doing), right.map(doing));
  const rows = [];
  let [i, j, apart] = [0, 0, { left: [], right: [] }];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && doing(left[i]) === doing(right[j])) {
      rows.push(...rowsApart(apart), compared(left, right, i++, j++));
      apart = { left: [], right: [] };
    } else if (j >= right.length || (i < left.length && length(i + 1, j) >= length(i, j + 1))) apart.left.push(i++);
    else apart.right.push(j++);
  }
  return [...rows, ...rowsApart(apart)];
}

// What only one of them did, beside what the other did in its stead.
function rowsApart({ left, right }) {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, at) => {
    const [one, two] = [left[at] ?? null, right[at] ?? null];
    const problem =
      one === null
        ? "Only the other one did this."
        : two === null
          ? "Only this one did this."
          : "They did different things.";
    return { left: one, right: two, problem };
  });
}

function compared(left, right, i, j) {
  const [one, two] = [left[i], right[j]];
  const problem = outcome(one) === outcome(two) ? "" : `It ended otherwise: “${outcome(one)}” and “${outcome(two)}”.`;
  return { left: i, right: j, problem, screens: screensApart(one, two) };
}

function screensApart(one, two) {
  if (one.frame === null || two.frame === null || one.frame === two.frame) return "";
  const tiles = differingTiles(one.frame, two.frame);
  return tiles ? `${tiles.length} tiles differ` : "other size";
}

// length(i, j): of the longest common subsequence of what follows in both.
function commonLengths(left, right) {
  const columns = right.length + 1;
  const table = new Uint16Array((left.length + 1) * columns);
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      table[i * columns + j] =
        left[i] === right[j]
          ? table[(i + 1) * columns + j + 1] + 1
          : Math.max(table[(i + 1) * columns + j], table[i * columns + j + 1]);
    }
  }
  return (i, j) => table[i * columns + j];
}

get("pair-with").addEventListener("change", (event) => pairWith(event.target.value || null));
listeners.push((elsewhere) => {
  if (elsewhere) setUpPair();
  showPair();
});
