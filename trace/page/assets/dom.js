"use strict";

const $ = (id) => document.getElementById(id);

// el creates an element. Text of a run becomes text, never HTML.
function el(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") e.className = value;
    else if (key === "on") for (const [name, f] of Object.entries(value)) e.addEventListener(name, f);
    else if (key === "style") for (const [name, v] of Object.entries(value)) e.style.setProperty(name, v);
    else e.setAttribute(key, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

const still = matchMedia("(prefers-reduced-motion: reduce)");

// moving redraws, and animates the elements that were there before, by their data-key, to
// their new places.
function moving(root, redraw) {
  const before = new Map();
  if (!still.matches) {
    for (const e of root.querySelectorAll("[data-key]")) before.set(e.dataset.key, e.getBoundingClientRect());
  }
  redraw();
  if (still.matches) return;
  for (const e of root.querySelectorAll("[data-key]")) {
    const was = before.get(e.dataset.key);
    const is = e.getBoundingClientRect();
    if (!was) {
      e.animate([{ opacity: 0, transform: "scale(.8)" }, { opacity: 1, transform: "none" }], 200);
    } else if (was.left !== is.left || was.top !== is.top) {
      e.animate([{ transform: `translate(${was.left - is.left}px, ${was.top - is.top}px)` }, { transform: "none" }], { duration: 260, easing: "ease-out" });
    }
  }
}

// keepingFocus redraws, and keeps the keyboard focus. It finds the focused element by its
// data-focus.
function keepingFocus(redraw) {
  const at = document.activeElement && document.activeElement.dataset.focus;
  redraw();
  if (!at || document.activeElement.dataset.focus === at) return;
  const e = document.querySelector(`[data-focus="${CSS.escape(at)}"]`);
  if (e) e.focus({ preventScroll: true });
}

// show scrolls a list, and nothing else, so that one of its elements is visible, with its
// neighbours.
function show(list, e) {
  if (!e) return;
  const from = e.getBoundingClientRect(), box = list.getBoundingClientRect();
  const middle = from.top + from.height / 2 - box.top - box.height / 2;
  if (Math.abs(middle) > list.clientHeight / 4) list.scrollTop += middle;
}

// reveal scrolls a box, and nothing else, just far enough to make an element visible.
function reveal(box, e) {
  if (!e) return;
  const at = e.getBoundingClientRect(), seen = box.getBoundingClientRect();
  if (at.bottom > seen.bottom) box.scrollTop += at.bottom - seen.bottom;
  else if (at.top < seen.top) box.scrollTop -= seen.top - at.top;
}

// colour returns the number of a context's colour.
function colour(name) {
  const n = parseInt(String(name).replace(/\D+/g, ""), 10);
  return Number.isNaN(n) ? 0 : (n - 1) % 6;
}
