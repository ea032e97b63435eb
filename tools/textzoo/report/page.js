"use strict";

const valueOf = (row, column) => row.cells[column].textContent.replace(/[,✓%\s]/g, "");

function sort(heading) {
  const table = heading.closest("table");
  const column = heading.cellIndex;
  const isNumber = heading.classList.contains("number");
  const before = heading.getAttribute("aria-sort");
  const falling = before ? before === "ascending" : isNumber;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((first, second) => {
    const [a, b] = [first, second].map((row) =>
      isNumber ? valueOf(row, column) : row.cells[column].textContent);
    if (!a || !b) return !a - !b; // empty cells stay last
    const order = isNumber ? a - b : a.localeCompare(b);
    return falling ? -order : order;
  });
  table.tBodies[0].append(...rows);
}

function prepare(part) {
  for (const button of part.querySelectorAll("[data-sortable] th button")) {
    button.addEventListener("click", () => sort(button.parentElement));
  }
  for (const field of part.querySelectorAll("input[type=search]")) {
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      const rows = field.nextElementSibling.querySelector("tbody").rows;
      for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    });
  }
}

prepare(document);
