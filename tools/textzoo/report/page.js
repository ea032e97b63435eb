const LANGUAGE = "textzoo-language";
const SAID = ["aria-label", "placeholder", "title"]; // attributes
let language = "en";

// Each element has the other language beside it: in data-zh that of its first text, in
// data-zh-title that of its title. What it had in English is put there too.
function speak(wanted) {
  language = wanted;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const each of document.querySelectorAll("[data-zh]")) {
    each.dataset.en ??= each.firstChild.data;
    each.firstChild.data = each.dataset[language];
  }
  for (const name of SAID) {
    for (const each of document.querySelectorAll(`[data-zh-${name}]`)) {
      if (!each.hasAttribute(`data-en-${name}`)) {
        each.setAttribute(`data-en-${name}`, each.getAttribute(name));
      }
      each.setAttribute(name, each.getAttribute(`data-${language}-${name}`));
    }
  }
  const button = document.getElementById("language");
  button.hidden = false;
  button.textContent = language === "zh" ? "English" : "中文";
  button.lang = language === "zh" ? "en" : "zh-CN";
}

// Has an element say a sentence with its values, in either language.
function tell(element, sentence, values = {}) {
  const filled = (text) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  element.dataset.en = filled(sentence);
  element.dataset.zh = filled(CHINESE[sentence]);
  element.textContent = element.dataset[language];
}

function chosenLanguage() {
  try {
    const chosen = localStorage.getItem(LANGUAGE);
    if (chosen) return chosen;
  } catch {
    // where pages may keep nothing
  }
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

document.addEventListener("click", (event) => {
  if (event.target.id !== "language") return;
  speak(language === "zh" ? "en" : "zh");
  try {
    localStorage.setItem(LANGUAGE, language);
  } catch {
    // as above
  }
});

const valueOf = (row, column) => row.cells[column].textContent.replace(/[,✓%\s]/g, "");

const decimal = /^-?\d+(\.\d+)?$/;

// Labels that are numbers by their value, before texts, in which numbers count as such too.
function compared(first, second) {
  const [a, b] = [first, second].map((text) => decimal.test(text));
  if (a && b) return first - second;
  return b - a || first.localeCompare(second, undefined, { numeric: true });
}

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
    const order = isNumber ? a - b : compared(a, b);
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
  if (matchMedia("(max-width: 40rem)").matches) part.querySelectorAll("[data-shown]").forEach(fold);
}

// On a phone, most of what is long is hidden until it is asked for.
function fold(list) {
  const rest = [...list.children].slice(list.dataset.shown);
  if (!rest.length) return;
  const more = document.createElement("button");
  more.type = "button";
  more.className = "more";
  if (list.dataset.shown > 0) tell(more, "Show {count} more", { count: rest.length });
  else tell(more, "Show");
  const show = () => {
    more.remove();
    for (const part of rest) part.hidden = false;
  };
  more.addEventListener("click", () => {
    show();
    rest[0].tabIndex = -1;
    rest[0].focus();
  });
  addEventListener("beforeprint", show);
  for (const part of rest) part.hidden = true;
  list.after(more);
}

prepare(document);
speak(chosenLanguage());
