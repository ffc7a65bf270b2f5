// --- the runs of this machine, and the desktops that are at work

const POLL_MS = 1000;
const cards = new Map();

const runPath = (id) => `/runs/${encodeURIComponent(id)}/`;
const linkTo = ({ run, task, attempt }) => `${runPath(run)}#${[task, attempt].map(encodeURIComponent).join("/")}`;

function showRuns(runs) {
  get("runs").replaceChildren(...runs.map(runRow));
}

function runRow(run) {
  const cells = [
    make("a", { href: runPath(run.id), class: "mono" }, run.id),
    run.name,
    pill(run.status),
    `${run.done}/${run.tasks}`,
    new Date(run.started_at * 1000).toLocaleString(),
    seconds(run.wall_s),
  ];
  return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
}

// A card stays as long as its attempt: only what changed in it is set anew.
function showWall(desktops) {
  const seen = new Set(desktops.map(keyOf));
  for (const [key, card] of cards) {
    if (seen.has(key)) continue;
    card.remove();
    cards.delete(key);
  }
  for (const desktop of desktops) {
    const card = cards.get(keyOf(desktop)) ?? addCard(desktop);
    fillCard(card, desktop);
  }
  get("idle").hidden = desktops.length > 0;
}

const keyOf = ({ run, task, attempt }) => JSON.stringify([run, task, attempt]);

function addCard(desktop) {
  const card = make(
    "li",
    {},
    make(
      "a",
      {},
      make("img", { alt: "", loading: "lazy", hidden: "" }),
      make("span", { class: "blank" }),
      make("span", { class: "label" }, make("b"), soft()),
    ),
  );
  cards.set(keyOf(desktop), card);
  get("wall").append(card);
  return card;
}

function fillCard(card, desktop) {
  const [link, picture, blank] = ["a", "img", ".blank"].map((name) => card.querySelector(name));
  link.href = linkTo(desktop);
  const doing = desktop.does ? `step ${desktop.steps + 1}: ${desktop.does}` : `after ${desktop.steps} steps`;
  card.querySelector("b").textContent = desktop.attempt > 1 ? `${desktop.task} #${desktop.attempt}` : desktop.task;
  card.querySelector(".soft").textContent = `${desktop.swarm}, ${doing}`;
  picture.hidden = desktop.frame === null;
  blank.hidden = desktop.frame !== null;
  if (desktop.frame === null || picture.dataset.frame === desktop.frame) return;
  picture.dataset.frame = desktop.frame;
  picture.src = `/frames/${desktop.frame}`;
}

async function keepShowing() {
  let last = "";
  for (;;) {
    try {
      const text = await (await fetch("/catalogue")).text();
      if (text !== last) {
        const { runs, desktops } = JSON.parse(text);
        showRuns(runs);
        showWall(desktops);
        get("said").textContent = `${runs.length} runs, ${desktops.length} desktops at work`;
        last = text;
      }
    } catch {
      get("said").textContent = "The server does not answer; is `deskswarm view` still running?";
      last = "";
    }
    document.body.dataset.ready = "true";
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

keepShowing();
