// --- panels, keys, and beginning

let panel = "step-panel";

function openPanel(name) {
  panel = name;
  for (const tab of get("tabs").children) {
    const chosen = tab.dataset.panel === name;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    get(tab.dataset.panel).hidden = !chosen;
  }
  showTree();
  showPairRows();
  showPair();
}

for (const tab of get("tabs").children) tab.addEventListener("click", () => openPanel(tab.dataset.panel));

function moveAmongTabs(by) {
  const tabs = [...get("tabs").children].filter((tab) => !tab.hidden);
  const next = tabs[(tabs.findIndex((tab) => tab.dataset.panel === panel) + by + tabs.length) % tabs.length];
  openPanel(next.dataset.panel);
  next.focus();
}

const ALL = Number.MAX_SAFE_INTEGER;
const KEYS = {
  ArrowLeft: () => moveBy(-1),
  ArrowRight: () => moveBy(1),
  PageUp: () => moveBy(-10),
  PageDown: () => moveBy(10),
  Home: () => moveBy(-ALL),
  End: () => moveBy(ALL),
  "/": () => get("search").focus(),
  1: () => setMode("screen"),
  2: () => setMode("slide"),
  3: () => setMode("difference"),
  s: () => openPanel("step-panel"),
  t: () => openPanel("tree"),
  w: () => openPanel("why"),
};

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.altKey || event.ctrlKey || event.metaKey || target.matches("input, select, textarea")) return;
  if (target.role === "tab" && (key === "ArrowLeft" || key === "ArrowRight")) {
    event.preventDefault();
    return moveAmongTabs(key === "ArrowLeft" ? -1 : 1);
  }
  if (!KEYS[key]) return;
  event.preventDefault();
  KEYS[key]();
});

get("previous").addEventListener("click", () => moveBy(-1));
get("next").addEventListener("click", () => moveBy(1));
get("search").addEventListener("input", (event) => setFilter({ text: event.target.value.trim().toLowerCase() }));
for (const button of get("filters").children) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    setFilter({ [button.dataset.filter]: on });
  });
}
window.addEventListener("hashchange", followLink);
window.addEventListener("resize", showTimeline);

async function load() {
  const data = await source.data();
  page = { ...data, tiles: unfold(data.frames.map((frame) => frame.change)), rows: unfold(data.trees) };
  setSheets(page.sheets);
  showRun();
}

async function begin() {
  const linked = location.hash !== "";
  await load();
  followLink();
  openPanel("step-panel");
  if (page.runs.length > 1 && !linked) {
    beginPaired();
    if (pair.with) openPanel("pair");
  }
  document.body.dataset.ready = "true";
}

// A page from a server asks it for news while its run goes on; the reader stays where they are, or, at the last
// step, with the last. A version is EDITION.MORE: in another edition tiles have other numbers.
async function followRun() {
  let version = await source.version();
  const [edition] = version.split(".");
  while (run().status === "running" && version) {
    const now = await source.version();
    if (now.split(".")[0] !== edition) return location.reload();
    if (now === version) await new Promise((wake) => setTimeout(wake, POLL_MS));
    else {
      version = now;
      const atEnd = place.step >= steps().length - 1;
      await load();
      setFilter({});
      if (atEnd) moveTo({ ...place, step: steps().length - 1 });
    }
  }
}

const POLL_MS = 1000;

function tell(what, error) {
  get("news").hidden = false;
  get("news").textContent = `${what}: ${error.message}`;
}

begin().then(
  () => followRun().catch((error) => tell("No more news of this run", error)),
  (error) => tell("This page cannot be shown", error),
);
