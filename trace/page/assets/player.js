"use strict";

// The run on the page, and the controls to step through it.
class Run {
  constructor(data) {
    this.id = String(++Run.last);
    this.events = data.events.map((e) => ({ task: "", func: "", object: "", args: {}, ...e }));
    this.labels = Object.assign(Object.create(null), data.labels); // a name may be one of Object's
    this.history = new History(this.events);
    this.chosen = null; // the address whose page table is shown, if not that of the last access
    this.lineSteps = {};
    this.ops = [1]; // the steps at which statements end, and the ends
    for (const e of this.events) {
      if (e.kind === "op_begin" && !this.lineSteps[e.args.line]) this.lineSteps[e.args.line] = e.seq;
      if (e.kind === "op_end") this.ops.push(e.seq);
    }
    this.ops.push(this.events.length);
  }

  draw(seq) {
    this.seq = Math.min(Math.max(Math.trunc(seq) || 1, 1), this.events.length);
    const state = this.history.goTo(this.seq), event = this.events[this.seq - 1];
    keepingFocus(() => {
      drawNow(state, event, this);
      markSource(state, event, this);
      drawSteps(event, this);
      drawSpaces(state, event, this);
      drawWalk(state, event, this);
      drawContexts(state, event, this);
      drawTasks(state, event);
    });
    reveal($("machine"), $("machine").querySelector(".changed, button.set"));
    $("slider").value = this.seq;
    $("count").textContent = `${this.seq} / ${this.events.length}`;
  }

  // followed returns the address whose page table is shown: the chosen one, the one
  // accessed last, or else the first mapped one; null if none.
  followed() {
    const state = this.history.state;
    if (this.chosen) return this.chosen;
    if (state.touched) return { space: state.touchedSpace, address: BigInt(state.touched) };
    const sp = state.spaces.find((x) => !x.gone && x.vmas.length);
    return sp ? { space: sp.name, address: BigInt(sp.vmas[0].start) } : null;
  }

  pick(space, address) {
    this.chosen = space ? { space, address } : null;
    this.draw(this.seq);
  }

  nextOp() { return this.ops.find((s) => s > this.seq) || this.events.length; }
  lastOp() { return this.ops.findLast((s) => s < this.seq) || 1; }
}
Run.last = 0;

let run = null;
let timer = 0;

// load shows a run from its beginning, or from the step in the page's address.
function load(data, seq) {
  stop();
  if (data.events.length === 0) return; // no events
  run = new Run(data);
  const begin = run.events[0].args;
  $("title").textContent = begin.source || "uffdsim";
  $("kernel").textContent = begin.kernel ? "kernel " + begin.kernel : "";
  $("run").hidden = $("controls").hidden = $("keys").hidden = false;
  $("slider").max = run.events.length;
  $("slider").min = 1;
  drawSource(run);
  run.draw(seq || 1);
}

// go shows a step, and puts it into the page's address, so that a link to it can be
// shared.
function go(seq) {
  if (!run) return;
  run.draw(seq);
  history.replaceState(null, "", "#step=" + run.seq);
}

function stop() {
  clearInterval(timer);
  timer = 0;
  $("play").textContent = "▶";
  $("play").setAttribute("aria-label", "play");
}

function playOrStop() {
  if (timer) return stop();
  if (run.seq === run.events.length) go(1);
  timer = setInterval(() => {
    if (run.seq >= run.events.length) return stop();
    go(run.seq + 1);
  }, 600);
  $("play").textContent = "❚❚";
  $("play").setAttribute("aria-label", "stop");
}

const stepOfHash = () => Number((location.hash.match(/step=(\d+)/) || [])[1]) || 1;

const actions = {
  first: () => go(1), last: () => go(run.events.length),
  back: () => go(run.seq - 1), forth: () => go(run.seq + 1),
  "back-op": () => go(run.lastOp()), "forth-op": () => go(run.nextOp()),
  play: playOrStop,
};

const keys = { ArrowLeft: "back", ArrowRight: "forth", PageUp: "back-op", PageDown: "forth-op", Home: "first", End: "last", " ": "play" };

function onKey(e) {
  if (!run || $("run").hidden || e.ctrlKey || e.altKey || e.metaKey || /^(TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
  if (e.target.tagName === "INPUT" && e.target.type !== "range") return;
  if (/^(BUTTON|SUMMARY)$/.test(e.target.tagName) && (e.key === " " || e.key === "Enter")) return; // the key activates the button
  let what = keys[e.key];
  if (e.shiftKey && (what === "back" || what === "forth")) what += "-op";
  if (what) {
    e.preventDefault();
    if (what !== "play") stop();
    actions[what]();
  } else if (e.key === "g" || e.key === "/") {
    e.preventDefault();
    const n = prompt(`Go to step (1 to ${run.events.length})`, run.seq);
    if (n) go(Number(n));
  } else if (e.key === "a") {
    e.preventDefault();
    chooseAddress();
  }
}

// chooseAddress asks for the address whose page table to show. The address may have no
// cell on the page.
function chooseAddress() {
  const at = run.followed();
  const text = at && prompt(`Follow the page table of ${at.space} to the address`, hex(at.address));
  if (!text || !/^(0x[\da-f]+|\d+)$/i.test(text.trim())) return;
  const address = BigInt(text.trim());
  if (address >> 48n === 0n) run.pick(at.space, address);
}

function turnTheme() {
  const now = document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
}

for (const [id, f] of Object.entries(actions)) {
  $(id).addEventListener("click", () => {
    if (id !== "play") stop();
    f();
  });
}
$("line").addEventListener("click", (e) => {
  e.preventDefault();
  $("lines").querySelector("[aria-current] a").focus();
});
$("slider").addEventListener("input", (e) => { stop(); go(Number(e.target.value)); });
$("theme").addEventListener("click", turnTheme);
addEventListener("keydown", onKey);
addEventListener("hashchange", () => { stop(); if (run) run.draw(stepOfHash()); });

if ($("data")) load(JSON.parse($("data").textContent), stepOfHash());
