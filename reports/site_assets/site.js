// Tables that sort and filter. The pages are whole without this.
"use strict";

const MANY = 40; // rows from which a table scrolls in a box of its own
const FIRST = 300; // rows that are laid out before somebody asks for all

// What a cell is sorted by; nothing known comes last, whichever way.
function sortValue(cell, numeric) {
  const text = cell.textContent.trim();
  if (!numeric) return text;
  const value = parseFloat(text.replace(/,/g, ""));
  return Number.isNaN(value) ? null : value;
}

function compare(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  return down ? -order : order;
}

// Orders rows, and the table by them.
function sort(table, rows, index) {
  const heads = [...table.tHead.rows[0].cells];
  const head = heads[index];
  const numeric = head.classList.contains("n");
  // The first click on numbers wants the large ones.
  const before = head.getAttribute("aria-sort");
  const down = before === null ? numeric : before === "ascending";
  for (const h of heads) h.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const keys = new Map(rows.map((row) => [row, sortValue(row.cells[index], numeric)]));
  rows.sort((a, b) => compare(keys.get(a), keys.get(b), down));
  table.tBodies[0].append(...rows);
}

function labelled(text, control) {
  const label = document.createElement("label");
  label.append(text, control);
  return label;
}

function menuOf(name, rows, index) {
  const select = document.createElement("select");
  select.dataset.name = name;
  select.dataset.index = index;
  select.append(new Option("all", ""));
  const words = [...new Set(rows.map((row) => row.cells[index].textContent.trim()))];
  words.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  for (const word of words) select.append(new Option(word, word));
  return words.length > 1 ? select : null;
}

function equip(table) {
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  const box = table.parentElement;
  if (rows.length > MANY) box.classList.add("long");
  if (rows.length < 2) return;
  const search = document.createElement("input");
  search.type = "search";
  search.dataset.name = "text";
  const menus = heads
    .map((head, index) => ("menu" in head.dataset ? menuOf(head.textContent.trim(), rows, index) : null))
    .filter(Boolean);
  const count = document.createElement("output");
  const all = document.createElement("button");
  all.type = "button";
  all.textContent = "show all";
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  let limit = FIRST;

  function show() {
    const wanted = search.value.trim().toLowerCase().split(/\s+/);
    const chosen = menus.filter((menu) => menu.value !== "");
    let fitting = 0;
    for (const row of rows) {
      const fits = wanted.every((word) => texts.get(row).includes(word)) &&
        chosen.every((menu) => row.cells[menu.dataset.index].textContent.trim() === menu.value);
      fitting += fits;
      row.hidden = !fits || fitting > limit;
    }
    count.textContent = `${fitting.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows` +
      (fitting > limit ? `, the first ${limit} shown` : "");
    all.hidden = fitting <= limit;
  }

  heads.forEach((head, index) => {
    if ("fixed" in head.dataset) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      sort(table, rows, index);
      show();
    });
    head.append(button);
  });
  all.addEventListener("click", () => {
    limit = Infinity;
    show();
  });
  const tools = document.createElement("form");
  tools.className = "tools";
  tools.setAttribute("aria-label", `Filter: ${table.caption.textContent}`);
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", show);
  tools.append(labelled("search", search), ...menus.map((menu) => labelled(menu.dataset.name, menu)), count, all);
  box.before(tools);
  show();
}

// #network=lenet5&verdict=FAIL fills the first filter of the page; #r3 opens that run.
function follow() {
  const hash = location.hash.slice(1);
  if (hash.includes("=")) {
    const tools = document.querySelector(".tools");
    if (!tools) return;
    const wanted = new URLSearchParams(hash);
    for (const control of tools.elements) {
      if (control.dataset.name) control.value = wanted.get(control.dataset.name) ?? "";
    }
    tools.dispatchEvent(new Event("input"));
  } else if (hash) {
    const target = document.getElementById(hash);
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
}

document.querySelectorAll("table.data").forEach(equip);
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
follow();
