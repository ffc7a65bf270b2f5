// --- accessibility trees: rows of `page.nodes`

const treeOf = (step) => (step?.tree === null || step === undefined ? [] : page.rows[step.tree]);

function node(number) {
  const [key, depth, role, name, text, states, rect, app] = page.nodes[number];
  return { key, depth, role, name, text, states, rect, app };
}

const nodeLabel = (one) => [one.name, one.text && one.text !== one.name ? one.text : ""].filter(Boolean).join(" · ");

// What an object changed since another look at it, in words.
function changesOf(before, after) {
  const what = ["role", "name", "text", "states"].filter((field) => before[field] !== after[field]);
  if (String(before.rect) !== String(after.rect)) what.push("place");
  return what.map((field) => (field === "states" ? statesChanged(before.states, after.states) : field)).join(", ");
}

function statesChanged(before, after) {
  const [old, now] = [new Set(before.split(" ")), new Set(after.split(" "))];
  const come = [...now].filter((state) => !old.has(state)).map((state) => `+${state}`);
  return [...come, ...[...old].filter((state) => !now.has(state)).map((state) => `−${state}`)].join(" ");
}

// By row of the tree: `new`, or what changed; and the objects that are gone.
function treeChanges(before, after) {
  const marks = new Map();
  const old = new Map(before.map((number) => [page.nodes[number][0], number]));
  after.forEach((number, at) => {
    const known = old.get(page.nodes[number][0]);
    old.delete(page.nodes[number][0]);
    if (known === undefined) marks.set(at, "new");
    else if (known !== number) marks.set(at, changesOf(node(known), node(number)) || "moved in the tree");
  });
  return { marks, gone: [...old.values()] };
}

// Which rows of `page.nodes` hold a text; one byte each.
function nodesWith(text) {
  const found = new Uint8Array(page.nodes.length);
  page.nodes.forEach(([, , role, name, content], at) => {
    found[at] = `${role} ${name} ${content}`.toLowerCase().includes(text);
  });
  return found;
}
