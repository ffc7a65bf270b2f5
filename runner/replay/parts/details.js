// --- the run, its tasks, the step and what came of the attempt

function showRun() {
  const { tasks } = run();
  const done = tasks.filter((one) => one.status === "succeeded").length;
  document.title = `${run().name} · deskswarm replay`;
  get("run").replaceChildren(
    make("h1", {}, run().name),
    pill(run().status),
    make(
      "div",
      { class: "facts" },
      make("span", {}, `${done} of ${tasks.length} tasks succeeded`),
      run().wall_s === null ? null : make("span", {}, seconds(run().wall_s)),
      make("span", {}, new Date(run().started_at * 1000).toLocaleString()),
      make("span", { class: "mono" }, run().id),
    ),
  );
}

function showTasks() {
  const items = run().tasks.map(taskItem).filter(Boolean);
  const nothing = make("p", { class: "none" }, "Nothing matches.");
  get("tasks").replaceChildren(items.length ? make("ol", {}, ...items) : nothing);
}

function taskItem(owner, index) {
  const attempts = owner.attempts.map((tried, number) => attemptButton(owner, tried, index, number)).filter(Boolean);
  if (isFiltered() && !attempts.length) return null;
  const none = make("p", { class: "none" }, owner.status === "succeeded" ? "not done again" : "never started");
  return make(
    "li",
    { class: "task" },
    make("div", { class: "name" }, make("span", {}, owner.id), pill(owner.status)),
    attempts.length ? make("ol", {}, ...attempts.map((button) => make("li", {}, button))) : none,
  );
}

function attemptButton(owner, tried, taskIndex, attemptIndex) {
  const count = isFiltered() ? fitting(owner, tried).length : tried.steps.length;
  if (isFiltered() && !count) return null;
  const label = tried.kind ? `attempt ${tried.number} · ${tried.kind}` : `attempt ${tried.number}`;
  const here = taskIndex === place.task && attemptIndex === place.attempt;
  return make(
    "button",
    {
      type: "button",
      "aria-current": here ? "true" : null,
      "aria-label": `${owner.id}, ${label}, ${tried.status}, ${count} steps`,
      onclick: () => openAttempt(taskIndex, attemptIndex),
    },
    make("span", {}, label),
    make("span", { class: "steps" }, `${count}`),
  );
}

function openAttempt(taskIndex, attemptIndex) {
  const [owner, tried] = [run().tasks[taskIndex], run().tasks[taskIndex].attempts[attemptIndex]];
  const first = isFiltered() ? fitting(owner, tried)[0] : tried.telling;
  moveTo({ ...place, task: taskIndex, attempt: attemptIndex, step: first ?? 0 });
  get("tasks").querySelector("[aria-current]")?.focus();
}

function showHeading() {
  const now = attempt();
  get("heading").textContent = now ? `${task().id}, attempt ${now.number}` : (task()?.id ?? "No tasks");
  get("position").textContent = step() ? `Step ${place.step + 1} of ${steps().length}` : "No steps";
  get("previous").disabled = !shown.length || place.step <= shown[0];
  get("next").disabled = !shown.length || place.step >= shown.at(-1);
  get("summary").textContent = now?.summary ?? "";
  get("summary").hidden = !now?.summary;
}

function showStep() {
  const now = step();
  if (!now) return get("step").replaceChildren(make("p", { class: "soft" }, "This attempt has no steps."));
  get("step").replaceChildren(
    make("h3", {}, `Step ${place.step + 1}`, soft(`at ${seconds(now.at_s)}`)),
    now.note ? paragraph(now.note) : "",
    ...block("Guardrails", ...now.signals.map((one) => row("warn", make("b", {}, one.kind), `${one.by}: ${one.text}`))),
    ...block("Emitted", make("pre", { tabindex: "0", "aria-label": "Emitted" }, now.emitted)),
    ...block("Executed", ...now.deeds.map(deedRow)),
    ...block("Windows", ...now.windows.map(windowRow)),
    ...block("Timing and cost", facts(stepFacts(now))),
  );
}

const stepFacts = (now) => [
  ...PARTS.map(([part, name]) => [name, seconds(now.times[part])]),
  ["tokens", now.tokens && now.tokens.toLocaleString()],
  ["cost", now.money && `$${now.money.toFixed(4)}`],
  ["cursor", now.cursor?.join(", ")],
];

function deedRow(deed) {
  const acted = deed.node === null ? "" : nodeLabel(node(treeOf(step())[deed.node]));
  return sign(
    deed.ok,
    deedText(deed),
    acted ? make("div", { class: "soft" }, `on ${node(treeOf(step())[deed.node]).role} “${acted}”`) : null,
    deed.error ? make("div", { class: "problem" }, deed.error) : null,
  );
}

function windowRow(each) {
  const dot = make(
    "span",
    { class: "sign", role: "img", "aria-label": each.focused ? "focused" : "window" },
    each.focused ? "●" : "○",
  );
  return row("", dot, each.title || "(untitled)", soft(` ${each.application}`));
}

function showOutcome() {
  const now = attempt();
  if (!now)
    return get("outcome").replaceChildren(
      make("h3", {}, "Outcome", pill(task()?.status ?? "")),
      make("p", {}, task()?.reason ?? ""),
    );
  get("outcome").replaceChildren(
    make("h3", {}, `Attempt ${now.number}`, pill(now.status, now.kind)),
    now.reason ? paragraph(now.reason, "problem") : "",
    ...block("Instruction", paragraph(task().instruction)),
    ...block("Verdict", ...now.checks.map(checkRow)),
    ...block("Inputs", ...now.inputs.map(artifactRow)),
    ...block("Outputs", ...now.outputs.map(artifactRow)),
    ...block("Attempt", facts(now.facts)),
  );
}

const checkRow = (check) =>
  sign(check.ok, check.name, check.detail ? make("div", { class: check.ok ? "soft" : "problem" }, check.detail) : null);

function artifactRow(each) {
  const hash = make(
    "div",
    { class: "mono soft", title: each.sha256 },
    `${each.sha256.slice(0, 16)}… · ${each.bytes} bytes`,
  );
  return make("div", { class: "row" }, make("div", { class: "text" }, make("b", {}, each.name), ` ${each.path}`, hash));
}

// --- the timeline: when each step was, and what took its time

const PARTS = [
  ["look", "looked"],
  ["agent", "decided"],
  ["act", "acted"],
  ["settle", "settled"],
];
const spent = (one) => PARTS.reduce((sum, [part]) => sum + one.times[part], 0);

function showTimeline() {
  const canvas = get("timeline");
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  Object.assign(canvas, { width: width * devicePixelRatio, height: height * devicePixelRatio });
  canvas.hidden = !steps().length;
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  const scale = width / timelineEnd();
  steps().forEach((one, at) => {
    let x = (one.at_s - one.times.look) * scale;
    for (const [part] of PARTS) {
      context.fillStyle = style.getPropertyValue(`--${part}`);
      context.fillRect(x, 4, Math.max(one.times[part] * scale, 0), height - 8);
      x += one.times[part] * scale;
    }
    if (at !== place.step && !hasFailed(one)) return;
    context.fillStyle = style.getPropertyValue(at === place.step ? "--accent" : "--bad");
    context.fillRect(one.at_s * scale - 1, 0, 3, height);
  });
  const total = PARTS.map(
    ([part, name]) => `${name} ${seconds(steps().reduce((sum, one) => sum + one.times[part], 0))}`,
  ).join(", ");
  canvas.setAttribute("aria-label", `Timeline of ${steps().length} steps: ${total}`);
  get("legend").replaceChildren(...PARTS.map(([part, name]) => make("span", { class: part }, name)));
}

const timelineEnd = () => Math.max(0.001, ...steps().map((one) => one.at_s + spent(one)));

get("timeline").addEventListener("click", (event) => {
  const at = (event.offsetX / get("timeline").clientWidth) * timelineEnd();
  const after = steps().findIndex((one) => one.at_s + spent(one) >= at);
  moveTo({ ...place, step: after < 0 ? steps().length - 1 : after });
});

listeners.push((elsewhere) => {
  if (elsewhere) {
    showTasks();
    showOutcome();
  }
  showHeading();
  showStep();
  showTimeline();
});
