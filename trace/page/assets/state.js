"use strict";

// The machine after an event, rebuilt from the events before it, as trace.State does in
// Go. A test compares both at every step of every lesson.

const QUEUES = ["fault_pending_wqh", "fault_wqh", "fd_wqh"];
const LEVELS = [["pgd", 39n], ["pud", 30n], ["pmd", 21n], ["pte", 12n]];
const PAGE = 4096n;

function newState() {
  return { seq: 0, op: 0, line: 0, spaces: [], contexts: [], tasks: [], touched: null, touchedSpace: "", answers: {}, finding: "" };
}

function named(list, name, make) {
  let found = list.find((x) => x.name === name);
  if (!found) {
    found = make();
    found.name = name;
    list.push(found);
  }
  return found;
}

const spaceOf = (s, name) => named(s.spaces, name, () => ({ vmas: [], entries: {}, gone: false }));
const contextOf = (s, name) => named(s.contexts, name, () => ({ space: "", state: "", refs: 0, released: false, freed: false, queues: [[], [], []] }));
const taskOf = (s, name) => named(s.tasks, name, newTask);
const newTask = () => ({ space: "", func: "", state: "", sleep: "", waits: "", holds: [] });

// apply changes the state before an event to the state after it.
function apply(s, e) {
  s.seq = e.seq;
  const a = e.args || {};
  let t = newTask(); // of the scenario itself
  if (e.task) {
    t = taskOf(s, e.task); // a task that does something is awake
    t.state = "running";
    t.func = e.func || "";
    t.waits = "";
  }
  if (Object.hasOwn(changes, e.kind)) changes[e.kind](s, e, a, t);
}

const changes = {
  run_end: (s, e, a) => { s.finding = a.finding; },
  op_begin: (s, e, a) => { s.op = e.op; s.line = a.line; },
  op_end: (s, e, a) => { s.answers[a.line] = a; },

  task_new: (s, e, a, t) => { Object.assign(t, newTask(), { space: a.mm, state: "running" }); },
  task_exit: (s, e, a, t) => { Object.assign(t, { state: a.killed ? "killed" : "done", func: "", holds: [] }); },
  set_current_state: (s, e, a, t) => { t.sleep = e.object === "TASK_RUNNING" ? "" : e.object; },
  schedule: (s, e, a, t) => { if (e.object !== "TASK_RUNNING") t.state = "asleep"; },
  try_to_wake_up: (s, e, a) => {
    if (!a.woken) return;
    const target = taskOf(s, e.object);
    target.sleep = "";
    if (target.state === "asleep") target.state = "running";
  },
  fault_begin: (s, e, a, t) => { s.touched = a.address; s.touchedSpace = t.space; },

  vma_insert: putVMA,
  vma_change: putVMA,
  vma_remove: (s, e, a) => { dropVMA(spaceOf(s, a.mm), a.was); },
  mm_exit: (s, e, a) => { Object.assign(spaceOf(s, a.mm), { vmas: [], gone: true }); },
  pmd_split: (s, e, a) => {
    const sp = spaceOf(s, a.mm);
    for (let i = 0n; i < 512n; i++) {
      const entry = hex(BigInt(a.entry) + i * BigInt(a.step));
      sp.entries["pte " + hex(BigInt(a.address) + i * PAGE)] = { entry, bits: bitsOf(entry) };
    }
  },

  ctx_new: (s, e, a) => { Object.assign(contextOf(s, e.object), { space: a.mm, state: a.state, refs: a.count }); },
  ctx_state: (s, e, a) => { contextOf(s, e.object).state = a.state; },
  ctx_released: (s, e) => { contextOf(s, e.object).released = true; },
  ctx_free: (s, e) => { contextOf(s, e.object).freed = true; },
  ref_get: (s, e, a) => { contextOf(s, e.object).refs = a.count; },
  ref_put: (s, e, a) => { contextOf(s, e.object).refs = a.count; },
  queue_add: setQueue,
  queue_del: setQueue,
  queue_del_init: setQueue,
};

for (const [level] of LEVELS) {
  changes[level + "_set"] = (s, e, a) => { spaceOf(s, a.mm).entries[level + " " + a.address] = { entry: a.entry, bits: a.bits }; };
  changes[level + "_clear"] = (s, e, a) => { delete spaceOf(s, a.mm).entries[level + " " + a.address]; };
}
for (const [take, drop, how] of [["spin_lock", "spin_unlock", ""], ["down_read", "up_read", " (read)"], ["down_write", "up_write", " (write)"]]) {
  changes[take] = (s, e, a, t) => { t.holds.push(e.object + how); };
  changes[drop] = (s, e, a, t) => {
    const i = t.holds.indexOf(e.object + how);
    if (i >= 0) t.holds.splice(i, 1);
  };
  changes[take + "_wait"] = (s, e, a, t) => { t.state = "waiting"; t.waits = e.object; };
}

function putVMA(s, e, a) {
  const sp = spaceOf(s, a.mm);
  dropVMA(sp, a.was);
  const next = sp.vmas.findIndex((v) => isBelow(a.start, v.start));
  const vma = { start: a.start, end: a.end, prot: a.prot, backing: a.backing, owner: a.uffd, modes: a.modes };
  sp.vmas.splice(next < 0 ? sp.vmas.length : next, 0, vma);
}

// isBelow compares addresses as text, which is cheaper than converting them to numbers.
const isBelow = (x, y) => (x.length === y.length ? x < y : x.length < y.length);

function dropVMA(sp, start) { sp.vmas = sp.vmas.filter((v) => v.start !== start); }

function setQueue(s, e, a) {
  const i = QUEUES.indexOf(e.object);
  if (i >= 0) contextOf(s, a.ctx).queues[i] = a.queue;
}

// bitsOf describes the bits of an entry as the events do.
function bitsOf(entry) {
  const n = BigInt(entry);
  const words = BITS.filter(([bit]) => n & bit).map(([, word]) => word);
  return "pfn=" + (n >> 12n) + " " + words.join(",");
}

const BITS = [[1n, "present"], [2n, "rw"], [4n, "user"], [0x20n, "accessed"], [0x40n, "dirty"], [0x80n, "huge"], [0x200n, "zero-page"]];

const hex = (n) => "0x" + n.toString(16);

// entryAt returns the entry of a level that maps an address, undefined if none.
function entryAt(sp, level, shift, address) { return sp.entries[level + " " + hex((address >> shift) << shift)]; }

function present(sp, address) {
  if (entryAt(sp, "pte", 12n, address)) return true;
  const pmd = entryAt(sp, "pmd", 21n, address);
  return pmd !== undefined && pmd.bits.includes("huge");
}

// History goes to any event, forward and back. It keeps a state at intervals, so that
// going back does not start from the beginning.
class History {
  constructor(events) {
    this.events = events;
    this.state = newState();
    this.kept = [newState()];
  }

  goTo(seq) {
    if (seq < this.state.seq) {
      this.state = structuredClone(this.kept[Math.floor(seq / History.every)]);
    }
    while (this.state.seq < seq) {
      apply(this.state, this.events[this.state.seq]);
      if (this.state.seq % History.every === 0 && this.kept.length === this.state.seq / History.every) {
        this.kept.push(structuredClone(this.state));
      }
    }
    return this.state;
  }
}
History.every = 100;
