"use strict";

// The other parts of the page: the text, the events, the contexts and the tasks.

// drawSource writes the scenario's text, once. Each line links to its first step.
function drawSource(run) {
  const lines = (run.events[0].args.lines || []).map((text, i) => {
    const step = run.lineSteps[i + 1];
    const what = step ? el("a", { href: "#step=" + step }, text) : el("span", {}, text || " ");
    return el("li", { "data-line": i + 1 }, what, el("span", { class: "answer" }));
  });
  $("lines").replaceChildren(...lines);
}

// markSource shows how far the scenario has run, with the results so far.
function markSource(state, event, run) {
  const list = $("lines");
  const running = event.op ? state.line : 0;
  for (const li of list.children) {
    const n = Number(li.dataset.line);
    const answer = state.answers[n];
    const out = li.lastChild;
    const text = answer ? answerText(answer, li.firstChild.textContent, li.nextSibling) : "";
    if (out.textContent !== text) {
      out.textContent = text;
      out.classList.toggle("short", text === "✓");
    }
    li.className = (n === running ? "running" : "") + (answer && !answer.ok ? " wrong" : "");
    if (n === running) li.setAttribute("aria-current", "step");
    else li.removeAttribute("aria-current");
  }
  show(list, list.children[(running || state.line || 1) - 1]);
}

// answerText returns the result of a line, shortened if it is the expected one.
function answerText(a, line, next) {
  const block = a.block.join("\n");
  const expected = a.answer ? line.includes("= " + a.answer) : next && /^\s/.test(next.textContent);
  if (a.ok && expected) return "✓";
  return [a.answer ? "= " + a.answer : "", block].filter(Boolean).join("\n");
}

const AROUND = 60; // events in the list before and after the current one

// drawSteps lists the events around the current one.
function drawSteps(event, run) {
  const from = Math.max(0, event.seq - 1 - AROUND), to = Math.min(run.events.length, event.seq + AROUND);
  const list = $("events");
  if (list.dataset.from !== String(from) || list.dataset.run !== run.id) {
    list.replaceChildren(...run.events.slice(from, to).map((e) =>
      el("li", { "data-seq": e.seq, class: e.kind === "op_begin" ? "op" : "" },
        el("a", { href: "#step=" + e.seq, "data-focus": "step " + e.seq }, e.said), e.rule ? el("small", { class: "tag" }, e.rule) : null)));
    list.dataset.from = from;
    list.dataset.run = run.id;
  }
  for (const li of list.children) li.classList.toggle("here", Number(li.dataset.seq) === event.seq);
  show(list, list.children[event.seq - 1 - from]);
}

// drawNow shows the sentence of the event.
function drawNow(state, event, run) {
  $("said").textContent = event.said;
  $("line").textContent = event.op ? "line " + state.line : "";
  $("func").textContent = event.func ? event.func + "()" : "";
  $("rule").replaceChildren(...(event.rule ? [el("b", { class: "tag" }, event.rule), " ", event.why || ""] : []));
  $("now").classList.toggle("finding", event.kind === "run_end" && Boolean(event.args.finding));
}

// drawContexts draws each context with its three queues.
function drawContexts(state, event, run) {
  moving($("queues"), () => {
    const boxes = state.contexts.map((c) => el("div", { class: "context c" + colour(c.name) + (c.freed ? " freed" : ""), "data-context": c.name },
      el("h3", {}, run.labels[c.name] || c.name, " ",
        el("small", { class: /^(ref|ctx)_/.test(event.kind) && event.object === c.name ? "changed" : "", "data-refs": c.refs }, c.freed ? "freed" : `${c.released ? "released" : c.state.replace("UFFD_STATE_", "").toLowerCase()}, ${c.refs} reference${c.refs === 1 ? "" : "s"}`)),
      ...QUEUES.map((name, i) => el("div", { class: "queue" + ((event.args || {}).ctx === c.name && event.object === name ? " changed" : "") },
        el("h4", {}, name),
        el("ul", { "data-queue": `${c.name} ${name}` }, ...c.queues[i].map((w) => el("li", { "data-key": `${c.name} ${w}` }, w)))))));
    $("queues").replaceChildren(...(boxes.length ? boxes : [el("p", { class: "none" }, "there is no userfaultfd")]));
  });
}

// drawTasks draws a lane for each task.
function drawTasks(state, event) {
  const lanes = state.tasks.map((t) => el("div", { class: "task " + t.state + (t.name === event.task ? " acts" : ""), "data-task": t.name, "data-state": t.state },
    el("b", {}, t.name),
    el("span", { class: "state" }, t.state === "waiting" ? `waits for ${t.waits}` : t.sleep && t.state === "asleep" ? `asleep: ${t.sleep}` : t.state),
    el("code", {}, t.func ? t.func + "()" : t.state === "running" ? "user mode" : ""),
    el("span", { class: "holds" }, ...t.holds.map((h) => el("i", { class: "lock" }, "holds " + h)))));
  $("lanes").replaceChildren(...(lanes.length ? lanes : [el("p", { class: "none" }, "there is none yet")]));
}
