"use strict";

// Text from desktops and agents is only ever set as text, never as markup.
const get = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  return furnish(document.createElement(tag), properties, children);
}

function draw(tag, properties = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function furnish(node, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const TONES = {
  succeeded: "good",
  failed: "bad",
  running: "warn",
  cancelled: "warn",
  blocked: "warn",
  abandoned: "warn",
  asking: "warn",
};

const seconds = (value) => (value === null ? "–" : value < 10 ? `${value.toFixed(2)} s` : `${value.toFixed(0)} s`);
const pill = (status, more = "") =>
  make("span", { class: `pill ${TONES[status] ?? "idle"}` }, more ? `${status}: ${more}` : status);
const soft = (...content) => make("span", { class: "soft" }, ...content);
const paragraph = (text, tone = "") => make("p", { class: `text ${tone}` }, text);

// A titled part of a panel; nothing where it has no content.
const block = (title, ...rows) => (rows.length ? [make("h4", {}, title), ...rows] : []);

const facts = (pairs) =>
  make(
    "dl",
    {},
    ...pairs.filter(([, value]) => value).flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)]),
  );

function sign(ok, ...content) {
  const [tone, name, symbol] =
    ok === null ? ["idle", "not carried out", "–"] : ok ? ["good", "passed", "✓"] : ["bad", "failed", "✗"];
  return row(tone, make("span", { class: "sign", role: "img", "aria-label": name }, symbol), ...content);
}

const row = (tone, mark, ...content) =>
  make("div", { class: `row ${tone}` }, mark, make("div", { class: "text" }, ...content));

// A long list of which only what is in view is in the document. `place` is what tells where the view is: all
// items are `size` pixels long along `axis`. `item(index)` makes one; it is asked again after `reset`.
class LongList {
  constructor(list, axis, size, item) {
    Object.assign(this, { list, axis, size, item, count: 0, made: new Map() });
    this.end = make("li", { class: "end", "aria-hidden": "true" });
    list.append(this.end);
    list.addEventListener("scroll", () => this.fill());
    new ResizeObserver(() => this.fill()).observe(list);
  }

  reset(count) {
    this.count = count;
    for (const node of this.made.values()) node.remove();
    this.made.clear();
    this.end.style[this.axis === "x" ? "width" : "height"] = `${count * this.size}px`;
    this.fill();
  }

  fill() {
    const [start, length] =
      this.axis === "x" ? [this.list.scrollLeft, this.list.clientWidth] : [this.list.scrollTop, this.list.clientHeight];
    const first = Math.max(0, Math.floor(start / this.size) - 2);
    const last = Math.min(this.count - 1, Math.ceil((start + length) / this.size) + 2);
    for (const [index, node] of this.made) {
      if (index >= first && index <= last) continue;
      node.remove();
      this.made.delete(index);
    }
    for (let index = first; index <= last; index++) if (!this.made.has(index)) this.add(index);
  }

  add(index) {
    const item = make("li", { "aria-setsize": this.count, "aria-posinset": index + 1 }, this.item(index));
    item.style.transform =
      this.axis === "x" ? `translateX(${index * this.size}px)` : `translateY(${index * this.size}px)`;
    this.made.set(index, item);
    const after = [...this.made.keys()].filter((other) => other > index).sort((one, other) => one - other)[0];
    this.list.insertBefore(item, this.made.get(after) ?? this.end);
  }

  reveal(index) {
    const middle = index * this.size + this.size / 2;
    if (this.axis === "x") this.list.scrollLeft = middle - this.list.clientWidth / 2;
    else this.list.scrollTop = middle - this.list.clientHeight / 2;
    this.fill();
  }
}
