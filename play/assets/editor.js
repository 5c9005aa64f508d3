"use strict";

// The editor: the source of a scenario, the kernel and rules for it, and the request to
// run it.

let menu = null;
let loaded = ""; // the text as it was loaded
let asking = null; // aborts the request in progress, null if none

const field = (label, control) => el("label", {}, el("span", {}, label), control);

function buildEditor() {
  const bar = el("div", { class: "bar" },
    field("Lesson", el("select", { id: "lesson" })),
    field("Kernel", el("select", { id: "on" })),
    field("Seed", el("input", { id: "seed", type: "number", min: 1, value: 1, title: "which interleaving of the tasks runs" })),
    el("details", { id: "rules" }, el("summary", {}), el("div", { class: "panel" },
      el("p", {}, "Rules of the kernel's protocol. Untick one, and the kernel no longer keeps it."),
      el("input", { id: "filter", type: "search", placeholder: "find a rule", "aria-label": "find a rule" }),
      el("ul", { id: "rule-list" }))),
    el("button", { id: "run-it", type: "button", title: "Ctrl+Enter" }, "Run"),
    el("button", { id: "edit", type: "button", title: "Escape" }, "Edit"),
    el("span", { id: "status", role: "status" }));
  $("editor").append(bar, el("p", { id: "teaches" }),
    el("textarea", { id: "text", spellcheck: "false", autocapitalize: "off", autocomplete: "off", "aria-label": "the scenario" }),
    el("pre", { id: "error", role: "alert" }));
}

function fillMenu() {
  $("lesson").append(el("option", { value: "" }, startsWithLesson() ? "your own" : menu.start.name),
    ...menu.lessons.map((l) => el("option", { value: l.name }, `${l.name.slice(0, 2)} ${l.title}`)));
  $("on").append(el("option", { value: "" }, "the scenario's own"), ...menu.kernels.map((k) => el("option", { value: k }, k)));
  $("rule-list").append(...menu.rules.map((r) => el("li", {}, el("label", {},
    el("input", { type: "checkbox", checked: true, value: r.name }),
    el("b", {}, r.name), el("code", {}, `${r.func}()`), el("small", { class: "tag" }, r.number),
    el("span", {}, `The kernel ${r.does}. Without the rule it ${r.instead}: ${r.symptom}.`,
      r.since === menu.default ? "" : ` Shows since ${r.since}.`)))));
}

const startsWithLesson = () => menu.lessons.some((l) => l.name === menu.start.name);
const ruleBoxes = () => [...$("rule-list").querySelectorAll("input")];
const dropped = () => ruleBoxes().filter((b) => !b.checked).map((b) => b.value);

function sayRules() {
  const names = dropped();
  $("rules").firstChild.textContent = names.length === 0 ? "All rules kept" : "Without " + names.join(", ");
  $("rules").classList.toggle("some", names.length > 0);
}

// choose loads a text into the editor.
function choose(name, source) {
  const lesson = menu.lessons.find((l) => l.name === name);
  $("lesson").value = lesson ? name : "";
  $("teaches").textContent = lesson ? `You learn ${lesson.teaches}.` : "";
  $("text").value = loaded = source;
}

function chooseLesson() {
  const lesson = menu.lessons.find((l) => l.name === $("lesson").value);
  if (!lesson && startsWithLesson()) return edit(true);
  const from = lesson || menu.start;
  if ($("text").value !== loaded && !confirm("This replaces the text in the editor.")) {
    $("lesson").value = "";
    return;
  }
  choose(from.name, from.source);
  return runIt();
}

function edit(yes) {
  document.body.classList.toggle("editing", yes);
  $("text").hidden = $("teaches").hidden = !yes;
  $("edit").hidden = yes;
  $("error").hidden = true;
  if (yes) {
    stop();
    if (asking) {
      asking.abort();
      say("", "", 0);
    }
    $("run").hidden = $("controls").hidden = $("keys").hidden = true;
    $("text").focus();
  }
}

// complain shows a mistake in the text, and goes there.
function complain(error, line) {
  edit(true);
  $("error").hidden = false;
  $("error").textContent = error;
  say("", "", 0);
  if (!line) return;
  const lines = $("text").value.split("\n");
  const start = lines.slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0);
  $("text").setSelectionRange(start, start + (lines[line - 1] || "").length);
  $("text").scrollTop = Math.max(0, (line - 4) * $("text").scrollHeight / lines.length);
}

// say shows the result of a run, with a link to the step that it concerns, 0 for none.
function say(text, kind, step) {
  $("status").replaceChildren(step ? el("a", { href: "#step=" + step }, text) : text);
  $("status").className = kind;
}

// verdict returns one line about the result of a run.
function verdict(r) {
  const answered = (line) => (r.events.find((e) => e.kind === "op_end" && e.args.line === line) || { seq: 0 }).seq;
  if (r.ended) return say(r.line ? `Line ${r.line}: ${r.ended}` : r.ended, "bad", answered(r.line));
  if (r.wrong.length) {
    const lines = `${r.wrong.length === 1 ? "Line" : "Lines"} ${r.wrong.join(", ")}`;
    return say(`${lines}: not the answer that the text expects`, "bad", answered(r.wrong[0]));
  }
  say(r.checked ? `As expected (${r.checked} answer${r.checked === 1 ? "" : "s"})` : `${r.statements} statement${r.statements === 1 ? "" : "s"}`, "good", 0);
}

function asked() {
  const name = $("lesson").value ? $("lesson").value + ".uffd" : startsWithLesson() ? "scenario.uffd" : menu.start.name;
  return { name, source: $("text").value, kernel: $("on").value, seed: Math.max(1, Math.trunc(Number($("seed").value)) || 1), dropped: dropped() };
}

// runIt asks the server to run the text, and shows the run from a step on. It aborts an
// earlier request.
async function runIt(step) {
  const request = asked();
  remember(request);
  if (asking) asking.abort();
  const mine = new AbortController();
  asking = mine;
  say("running …", "", 0);
  try {
    const body = JSON.stringify(request);
    if (new Blob([body]).size > menu.body) return complain(`the scenario is too long: a request has at most ${menu.body >> 10} KiB`);
    const answer = await fetch("/run", { method: "POST", headers: { "Content-Type": "application/json" }, body, signal: mine.signal });
    const r = await answer.json();
    if (!answer.ok) return complain(r.error, r.line);
    if (!step) history.replaceState(null, "", "#step=1");
    edit(false);
    load(r, step || 1);
    verdict(r);
  } catch (e) {
    if (!mine.signal.aborted) complain("The server does not answer: is it still running? " + e.message);
  } finally {
    if (asking === mine) asking = null;
  }
}

// remember stores the text and the choices until the page is shown again. A browser does
// not store a very long text.
function remember(request) {
  try {
    sessionStorage.setItem("draft", JSON.stringify({ ...request, lesson: $("lesson").value, start: menu.start.source }));
  } catch {
    sessionStorage.removeItem("draft");
  }
}

// recall returns the stored content of the editor, if it belongs to the same start.
function recall() {
  try {
    const draft = JSON.parse(sessionStorage.getItem("draft"));
    return draft && draft.start === menu.start.source ? draft : null;
  } catch {
    return null;
  }
}

async function begin() {
  buildEditor();
  menu = await (await fetch("/menu")).json();
  fillMenu();
  const draft = recall();
  choose(draft ? draft.lesson : menu.start.name, draft ? draft.source : menu.start.source);
  if (draft) {
    $("on").value = draft.kernel;
    $("seed").value = draft.seed;
    for (const box of ruleBoxes()) box.checked = !draft.dropped.includes(box.value);
  }
  sayRules();
  $("lesson").addEventListener("change", chooseLesson);
  for (const id of ["on", "seed"]) $(id).addEventListener("change", () => runIt());
  $("rule-list").addEventListener("change", () => { sayRules(); runIt(); });
  $("filter").addEventListener("input", () => {
    const what = $("filter").value.toLowerCase();
    for (const li of $("rule-list").children) li.hidden = !li.textContent.toLowerCase().includes(what);
  });
  $("run-it").addEventListener("click", () => runIt());
  $("edit").addEventListener("click", () => edit(true));
  addEventListener("click", (e) => { if (!$("rules").contains(e.target)) $("rules").open = false; });
  addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      runIt();
    } else if (e.key === "Escape") {
      if ($("rules").open) {
        $("rules").open = false;
        $("rules").firstChild.focus();
      } else if (!$("run").hidden) edit(true);
    }
  });
  await runIt(stepOfHash());
}

const ready = begin();
