// --- the accessibility tree of the step, with what changed since the step before

const ROW = 24;
const tree = { rows: [], text: "", changed: false, marks: new Map() };
const treeList = new LongList(get("rows"), "y", ROW, (index) => treeRow(tree.rows[index]));

function showTree() {
  if (get("tree").hidden) return;
  const before = steps()[place.step - 1];
  const now = treeOf(step());
  const { marks, gone } = before ? treeChanges(treeOf(before), now) : { marks: new Map(), gone: [] };
  tree.marks = marks;
  tree.acted = new Set(step()?.deeds.map((deed) => deed.node) ?? []);
  const found = tree.text ? nodesWith(tree.text) : null;
  tree.rows = [...now.keys()].filter((at) => (!found || found[now[at]]) && (!tree.changed || marks.has(at)));
  treeList.reset(tree.rows.length);
  const what = before ? `, ${marks.size} new or changed, ${gone.length} gone since the step before` : "";
  get("tree-said").textContent = `${tree.rows.length} of ${now.length} objects${what}`;
  get("gone").replaceChildren(
    ...gone.slice(0, 50).map((number) => make("li", {}, `− ${node(number).role} ${nodeLabel(node(number))}`)),
  );
  const acted = tree.rows.findIndex((at) => tree.acted.has(at));
  if (acted >= 0) treeList.reveal(acted);
}

function treeRow(at) {
  const one = node(treeOf(step())[at]);
  const mark = tree.marks.get(at);
  const acted = tree.acted.has(at);
  const button = make(
    "button",
    {
      type: "button",
      class: [acted ? "acted" : "", mark === "new" ? "new" : mark ? "changed" : ""].join(" "),
      title: [one.app, one.states, one.rect?.join(" ")].filter(Boolean).join("\n"),
      onclick: () => mainScreen.outline(one.rect),
      onfocus: () => mainScreen.outline(one.rect),
    },
    make("b", {}, one.role),
    make("span", {}, nodeLabel(one)),
    acted ? make("em", {}, "acted on") : null,
    mark ? make("em", {}, mark) : null,
  );
  button.style.paddingLeft = `${6 + Math.min(one.depth, 14) * 10}px`;
  return button;
}

get("tree-search").addEventListener("input", (event) => {
  tree.text = event.target.value.trim().toLowerCase();
  showTree();
});
get("tree-changed").addEventListener("change", (event) => {
  tree.changed = event.target.checked;
  showTree();
});
listeners.push(showTree);
