// --- why: the decision flow from the plan to the last ruling

function showWhy() {
  const now = task();
  if (!now) return get("why").replaceChildren();
  get("why").replaceChildren(
    make("h3", {}, `Why ${now.id} ${now.status === "waiting" ? "waits" : "came out so"}`, pill(now.status)),
    ...block("Plan", ...now.plan.map(lineRow), ...now.edges.map((edge) => edgeRow(edge, now.id))),
    ...block("Contract", ...now.contract.map(lineRow)),
    ...block("Decisions", make("ol", { class: "decisions" }, ...now.why.map(decisionItem))),
  );
}

const lineRow = (line) => make("div", { class: "row" }, make("div", { class: "text" }, line));

function edgeRow(edge, here) {
  const comes = edge.target === here;
  const carried = edge.artifacts.length ? `: ${edge.artifacts.join(", ")}` : "";
  const under = edge.contract.length ? edge.contract.join("; ") : "no contract";
  const what = comes ? `given by ${edge.source}${carried}` : `hands on to ${edge.target}${carried}`;
  const text = make("div", { class: "text" }, what, soft(` (${edge.mode})`), make("div", { class: "soft" }, under));
  return make("div", { class: "row" }, text);
}

const DECIDING = {
  verdict: "verdict",
  ruling: "ruling",
  asked: "escalation",
  escalated: "escalation",
  answered: "escalation",
  refused: "guardrail",
  warned: "guardrail",
  handoff_sent: "handoff",
  handoff_received: "handoff",
  attempt_ended: "end",
  task_ended: "end",
};

function decisionItem(one) {
  const here = one.attempt !== 0 && one.attempt === attempt()?.number;
  return make(
    "li",
    { class: [DECIDING[one.kind] ?? "", here ? "here" : ""].join(" ") },
    make("span", { class: "at mono" }, one.at_s === null ? "" : one.at_s.toFixed(1)),
    make("span", { class: "text" }, one.text),
  );
}

listeners.push((elsewhere) => elsewhere && showWhy());
