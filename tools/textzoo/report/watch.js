const SECONDS = [2, 30]; // between two questions, the least and the most
let known = document.querySelector("header").dataset.state;
let served = new Map(sections(document).map((section) => [section.id, section.outerHTML]));

function sections(of) {
  return [...of.querySelectorAll("main > section")];
}

// What has not changed stays as it is, with how its tables are sorted.
function replace(next) {
  const fresh = sections(next);
  const now = new Map(fresh.map((section) => [section.id, section.outerHTML]));
  const shown = fresh.map((section) => {
    const before = document.getElementById(section.id);
    if (before && served.get(section.id) === now.get(section.id)) return before;
    prepare(section);
    const wasOpen = before ? [...before.querySelectorAll("details")].map((part) => part.open) : [];
    for (const [i, part] of section.querySelectorAll("details").entries()) part.open = wasOpen[i];
    return section;
  });
  const header = next.querySelector("header");
  known = header.dataset.state;
  document.querySelector("title").replaceWith(next.querySelector("title"));
  document.querySelector("main").replaceChildren(...shown);
  document.querySelector("header").replaceWith(header);
  served = now;
  speak(language); // what is new comes in English
}

const watching = () => document.getElementById("watching"); // which comes anew

async function text(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(answer.status);
  return answer.text();
}

async function look() {
  const began = performance.now();
  let found = null;
  try {
    if (await text("state") !== known) found = await text("./");
  } catch {
    tell(watching(), "The report is no longer served: this is how it was last");
  }
  if (found !== null) {
    replace(new DOMParser().parseFromString(found, "text/html"));
    const time = new Date().toLocaleTimeString();
    tell(watching(), "Last change at {time}", { time });
  }
  // A page that takes long to make leaves the machine to the training.
  const seconds = 10 * (performance.now() - began) / 1000;
  setTimeout(look, 1000 * Math.min(Math.max(seconds, SECONDS[0]), SECONDS[1]));
}

setTimeout(look, 1000 * SECONDS[0]);
