"use strict";

// The address spaces as bars, and the walk of the page table to one address.

const MOST_CELLS = 64n;
const MOST_BARS = 80;

// drawSpaces draws every address space that exists.
function drawSpaces(state, event, run) {
  const shown = state.spaces.filter((sp) => !sp.gone && sp.vmas.length);
  const boxes = shown.map((sp) => {
    const bars = [];
    let end = null;
    const from = firstBar(sp, event, run), above = sp.vmas.length - from - MOST_BARS;
    if (from > 0) bars.push(el("span", { class: "more" }, `${from} mappings below`));
    for (const v of sp.vmas.slice(from, from + MOST_BARS)) {
      if (end !== null && BigInt(v.start) > end) {
        bars.push(el("div", { class: "gap", title: "nothing is mapped here" }, size(BigInt(v.start) - end)));
      }
      bars.push(bar(sp, v, state, event, run));
      end = BigInt(v.end);
    }
    if (above > 0) bars.push(el("span", { class: "more" }, `${above} mappings above`));
    const who = state.tasks.filter((t) => t.space === sp.name).map((t) => t.name).join(", ");
    return el("div", { class: "space", "data-space": sp.name }, el("h3", {}, sp.name, " ", el("small", {}, who)), el("div", { class: "bars" }, ...bars));
  });
  $("spaces").replaceChildren(...(boxes.length ? boxes : [el("p", { class: "none" }, "nothing is mapped")]));
}

// firstBar returns the number of the first mapping to draw. Of very many mappings the
// page draws those around the one that the step changes, or whose page table is followed.
function firstBar(sp, event, run) {
  const more = sp.vmas.length - MOST_BARS;
  if (more <= 0) return 0;
  const a = event.args || {}, at = run.followed();
  const changed = a.mm === sp.name && (a.start || a.address);
  const address = changed ? BigInt(changed) : at && at.space === sp.name ? at.address : 0n;
  const i = sp.vmas.findIndex((v) => BigInt(v.end) > address);
  return Math.min(Math.max((i < 0 ? sp.vmas.length : i) - MOST_BARS / 2, 0), more);
}

function bar(sp, v, state, event, run) {
  const start = BigInt(v.start), pages = (BigInt(v.end) - start) / PAGE;
  const label = v.owner ? run.labels[v.owner] || v.owner : "";
  const a = event.args || {};
  const changed = a.mm === sp.name && event.kind.startsWith("vma_") && a.start === v.start;
  const cells = [];
  let there = "";
  for (let i = 0n; i < pages && i < MOST_CELLS; i++) {
    const at = start + i * PAGE, is = present(sp, at);
    there += is ? "+" : "-";
    cells.push(cell(sp, at, is, a, event, run));
  }
  if (pages > MOST_CELLS) cells.push(el("span", { class: "more" }, `and ${pages - MOST_CELLS} more`));
  return el("div", {
    class: "vma" + (v.owner ? " owned c" + colour(v.owner) : "") + (changed ? " changed" : "") + (v.modes.includes("wp") ? " wp" : "") + (v.prot.startsWith("---") ? " closed" : ""),
    style: { "--pages": Number(pages < 24n ? pages : 24n) },
    "data-vma": `${v.start.slice(2)}-${v.end.slice(2)} ${v.prot}` + (v.owner ? ` uffd=${label}:${v.modes}` : "") + (v.backing ? " " + v.backing : ""),
    "data-present": there,
  },
  el("div", { class: "cells" }, ...cells),
  el("div", { class: "caption" }, el("b", {}, v.start), " ", v.prot, v.backing ? " " + v.backing : "", v.owner ? el("em", {}, `${label}: ${v.modes}`) : null));
}

function cell(sp, at, is, a, event, run) {
  const address = hex(at);
  const set = /^p.._(set|clear)$/.test(event.kind) && event.kind.startsWith("pte") && a.mm === sp.name && a.address === address;
  const chosen = run.chosen && run.chosen.space === sp.name && run.chosen.address >> 12n === at >> 12n;
  return el("button", {
    type: "button", "data-focus": `${sp.name} ${address}`, class: "cell" + (is ? " there" : "") + (set ? " set" : "") + (chosen ? " chosen" : ""),
    "aria-label": `${address}: ${is ? "there" : "missing"}`, title: address,
    on: { click: () => { run.pick(sp.name, at); } },
  });
}

// drawWalk follows the page table to an address.
function drawWalk(state, event, run) {
  const at = run.followed();
  if (!at) {
    $("walk").replaceChildren();
    return;
  }
  const sp = state.spaces.find((x) => x.name === at.space) || { entries: {} };
  const levels = [];
  for (const [level, shift] of LEVELS) {
    const entry = entryAt(sp, level, shift, at.address);
    const index = (at.address >> shift) & 511n;
    const a = event.args || {};
    const set = event.kind.startsWith(level + "_") && a.mm === at.space && BigInt(a.address) === (at.address >> shift) << shift;
    const [pfn, bits] = entry ? entry.bits.split(" ") : ["none", ""];
    levels.push(el("li", { class: "level" + (entry ? "" : " none") + (set ? " changed" : ""), "data-level": `${level}[${index}] ${entry ? entry.bits : "none"}` },
      el("b", {}, `${level}[${index}]`), el("span", { class: "word" }, entry ? entry.entry : ""), el("span", {}, pfn), ...(bits || "").split(",").filter(Boolean).map((b) => el("i", { class: "bit" }, b))));
    if (!entry || entry.bits.includes("huge")) break;
  }
  $("walk").replaceChildren(
    el("h3", {}, "page table, on the way to ", el("code", {}, hex(at.address)),
      el("button", { type: "button", class: "small", "data-focus": "address", title: "a", on: { click: chooseAddress } }, "another"), run.chosen ? el("button", { type: "button", class: "small", on: { click: () => run.pick(null) } }, "follow the touches") : null),
    el("ol", { class: "levels" }, ...levels));
}

// size formats a length in bytes, KiB, MiB, GiB or TiB.
function size(bytes) {
  for (const [unit, shift] of [["TiB", 40n], ["GiB", 30n], ["MiB", 20n], ["KiB", 10n]]) {
    if (bytes >> shift) return `${bytes >> shift} ${unit}`;
  }
  return `${bytes} B`;
}
