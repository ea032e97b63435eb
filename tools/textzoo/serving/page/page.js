"use strict";

const WORDS = {
  en: {
    ask: "Ask", answer: "Answer", compare: "Compare two texts", examples: "Examples",
    howMany: "how many ", search: "Nearest texts", secondText: "Second text", text: "Text",
    token: "Token", engine: "engine", checkpoint: "checkpoint", indexed: "texts searched",
    cosine: "cosine", probability: "probability", validation: "on validation rows", level: "level", none: "No label scores above its threshold.",
    chosen: "✓ scores above its threshold", unreachable: "The server cannot be reached.",
    tokenNeeded: "This server asks for a token.", other: "中文",
    share: "adds to the score", explain: "shade the words that count",
    shading: "Blue words speak for the underlined label, orange ones against it. Click a label for its own.",
  },
  zh: {
    ask: "提问", answer: "结果", compare: "比较两段文本", examples: "示例",
    howMany: "数量 ", search: "最相近的文本", secondText: "第二段文本", text: "文本",
    token: "令牌", engine: "引擎", checkpoint: "检查点", indexed: "可检索文本",
    cosine: "余弦相似度", validation: "验证集", level: "等级", none: "没有标签的得分超过阈值。",
    chosen: "✓ 得分超过阈值", unreachable: "无法连接服务器。",
    tokenNeeded: "此服务器需要令牌。", other: "English",
    share: "对得分的贡献", explain: "标出起作用的词",
    shading: "蓝色的词支持带下划线的标签，橙色的词反对它。点击标签可查看相应的词。",
  },
};

const byId = (id) => document.getElementById(id);
const REASONS = 8; // n-grams under a label
let words = WORDS.en;
let path = null; // of the chosen model, before its own paths
let facts = null; // of that model
let task = "predict";
let shown = null; // the last answer, to be shown anew in the other language
let explained = 0; // which of its labels has its words shaded; -1: none
let running = new AbortController(); // of what was asked last: an earlier answer would come too late

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function speak(language) {
  words = WORDS[language];
  localStorage.setItem("language", language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = words[each.dataset.say];
  byId("language").textContent = words.other;
  byId("language").lang = language === "zh" ? "en" : "zh-CN";
  if (facts) showFacts();
  if (shown) showAnswer();
}

function showFacts() {
  const checkpoint = facts.checkpoint;
  const metrics = Object.entries(checkpoint.validation_metrics || {})
    .filter(([name, value]) => typeof value === "number" && name !== "rows").slice(0, 4);
  const rows = [];
  if (metrics.length) {
    rows.push([words.validation, metrics.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(" · ")]);
  }
  rows.push([words.checkpoint, `${checkpoint.name} (${checkpoint.step})`], [words.engine, facts.engine]);
  if (facts.indexed_texts) rows.push([words.indexed, facts.indexed_texts.toLocaleString()]);
  byId("facts").replaceChildren(...rows.map(([name, value]) => {
    const row = element("div");
    row.append(element("dt", "", name), element("dd", "", value));
    return row;
  }));
}

function choose(chosen) {
  task = chosen;
  shown = null;
  byId("answer").hidden = true;
  byId("other").hidden = byId("second").disabled = task !== "similarity";
  byId("how-many").hidden = task === "similarity" || facts.kind === "levels";
  byId("explains").hidden = !facts.explains;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const selected = tab.dataset.task === task;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
  }
}

async function request(path, body) {
  const headers = { "Content-Type": "application/json" };
  const token = byId("token").value || sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  const { signal } = running;
  const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const answer = await fetch(path, { ...options, headers, signal }).catch(() => null);
  const found = await answer?.json().catch(() => ({ detail: answer.statusText }));
  signal.throwIfAborted();
  if (!answer) throw new Error(words.unreachable);
  if (answer.status === 401) {
    byId("token-field").hidden = false;
    byId("token").focus();
    throw new Error(words.tokenNeeded);
  }
  if (!answer.ok) throw new Error(`${answer.status}: ${found.detail}`);
  if (token) sessionStorage.setItem("token", token);
  return found;
}

async function guarded(work) {
  running.abort();
  const { signal } = running = new AbortController();
  const problem = byId("problem");
  problem.hidden = true;
  byId("ask").setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (failure) {
    if (signal.aborted) return;
    byId("answer").hidden = true;
    problem.textContent = failure.message;
    problem.hidden = false;
  } finally {
    if (!signal.aborted) byId("ask").removeAttribute("aria-busy");
  }
}

async function ask() {
  if (!facts) await load();
  const [first, second] = [byId("first").value, byId("second").value];
  const count = Math.min(Number(byId("count").value), facts.limits.results);
  const body = {
    predict: { texts: [first], top_k: facts.kind === "levels" ? facts.limits.results : count },
    search: { texts: [first], k: count },
    similarity: { first: [first], second: [second] },
  }[task];
  const started = performance.now();
  const answer = await request(path + task, body);
  shown = { task, answer, milliseconds: performance.now() - started, text: first };
  explained = 0;
  showAnswer();
  if (facts.explains && byId("explain").checked) await explain(body);
}

// What it takes is computed once for each word: the answer itself does not wait for it.
async function explain(body) {
  const { signal } = running;
  try {
    const answer = await request(path + task, { ...body, explain: facts.limits.results });
    shown = { ...shown, answer };
    showAnswer();
  } catch (failure) {
    signal.throwIfAborted();
    byId("problem").textContent = failure.message;
    byId("problem").hidden = false;
  }
}

function showAnswer() {
  const { answer, milliseconds } = shown;
  let lines, note = "";
  if (shown.task === "similarity") {
    lines = [{ name: words.cosine, score: answer.similarities[0] }];
  } else if (shown.task === "search") {
    lines = answer.results[0].map(({ text, score }) => ({ name: text, score }));
  } else {
    const { predicted, top } = answer.predictions[0];
    lines = top.map(({ tag, ...scored }) => ({ name: tag, ...scored }));
    if (facts.kind === "levels") {
      lines.forEach((line) => {
        const label = line.name.slice(0, line.name.lastIndexOf(":"));
        line.name = `${label}: ${words.level} ${predicted[label]}`;
        line.chosen = predicted[label] > 0;
      });
    } else if (predicted) {
      lines.forEach((line) => { line.chosen = predicted.includes(line.name); });
      note = predicted.length ? words.chosen : words.none;
    }
  }
  // Probabilities and cosines fill their own part; other scores are compared with the highest.
  const full = Math.max(1, ...lines.map(({ score }) => score));
  byId("results").replaceChildren(...lines.map((line) => resultLine(line, full)));
  showWords(lines);
  byId("latency").textContent = `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  byId("note").textContent = note;
  byId("note").hidden = !note;
  byId("answer").hidden = false;
}

function resultLine({ name, score, probability, chosen, why }, full) {
  const row = element("li");
  const line = element("div", "line");
  line.append(element("span", chosen ? "name chosen" : "name", name));
  if (probability !== undefined) {
    const shown = element("span", "probability", `${(100 * probability).toFixed(1)}%`);
    shown.title = words.probability;
    line.append(shown);
  }
  line.append(element("span", "score", score.toFixed(3)));
  const track = element("div", "track");
  const bar = element("div", "bar");
  bar.style.width = `${Math.max(0, 100 * score / full)}%`;
  track.append(bar);
  row.append(line, track);
  if (why?.length) row.append(reasons(why));
  return row;
}

function reasons(why) {
  const list = element("ul", "why");
  list.append(...why.slice(0, REASONS).map(({ ngram, share }) => {
    const chip = element("li", "", ngram.replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length)));
    chip.title = `${words.share}: ${share.toFixed(3)}`;
    chip.append(" ", element("small", "", `+${share.toFixed(3)}`));
    return chip;
  }));
  return list;
}

// The text with its words shaded by what they add to one label; each label can be clicked.
function showWords(lines) {
  const own = lines[explained]?.words;
  byId("explained").hidden = !own?.length;
  byId("shaded").replaceChildren(...own?.length ? shaded(shown.text, own) : []);
  [...byId("results").children].forEach((row, place) => {
    if (!lines[place].words?.length) return;
    const name = row.querySelector(".name");
    const button = element("button", name.className, name.textContent);
    button.type = "button";
    button.setAttribute("aria-pressed", place === explained);
    button.addEventListener("click", () => {
      explained = place === explained ? -1 : place;
      showAnswer();
      byId("results").children[place].querySelector(".name").focus();
    });
    name.replaceWith(button);
  });
}

function shaded(text, own) {
  const points = [...text]; // places are counted in code points
  const most = Math.max(...own.map(({ share }) => Math.abs(share)));
  const parts = [];
  let place = 0;
  for (const { start, end, share } of own.slice().sort((one, other) => one.start - other.start)) {
    const word = element("mark", share < 0 ? "against" : "", points.slice(start, end).join(""));
    word.style.setProperty("--share", Math.abs(share) / most);
    word.title = share.toFixed(3);
    parts.push(points.slice(place, start).join(""), word);
    place = end;
  }
  return [...parts, points.slice(place).join("")];
}

async function load() {
  const choice = byId("models");
  if (path === null) {
    const { models } = await request("models");
    choice.replaceChildren(...models.map((model) => new Option(model.name, model.path)));
    choice.hidden = models.length === 1;
    byId("model").hidden = !choice.hidden;
  }
  path = choice.value && `${choice.value.slice(1)}/`; // relative: a proxy may have put more before it
  facts = await request(`${path}model`);
  byId("token-field").hidden = true;
  document.title = `TextZoo: ${facts.name}`;
  byId("model").textContent = facts.name;
  for (const area of [byId("first"), byId("second")]) area.maxLength = facts.limits.characters;
  const embeds = facts.kind === "embeddings";
  byId("tabs").hidden = !embeds || !facts.indexed_texts;
  choose(!embeds ? "predict" : facts.indexed_texts ? "search" : "similarity");
  showFacts();
  byId("examples").hidden = !facts.examples.length;
  byId("examples").querySelector("ul").replaceChildren(...facts.examples.map((text) => {
    const item = element("li");
    const button = element("button", "", text.length > 90 ? `${text.slice(0, 90)}…` : text);
    button.type = "button";
    button.addEventListener("click", () => {
      const empty = task === "similarity" && byId("first").value && !byId("second").value;
      byId(empty ? "second" : "first").value = text;
      if (task !== "similarity" || byId("second").value) guarded(ask);
    });
    item.append(button);
    return item;
  }));
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(ask);
});
byId("form").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("form").requestSubmit();
});
byId("tabs").addEventListener("click", (event) => {
  if (event.target.dataset.task) guarded(() => choose(event.target.dataset.task));
});
byId("tabs").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  guarded(() => choose(task === "search" ? "similarity" : "search"));
  byId(`tab-${task}`).focus();
});
byId("models").addEventListener("change", () => guarded(load));
byId("explain").checked = localStorage.getItem("explain") !== "no";
byId("explain").addEventListener("change", () => {
  localStorage.setItem("explain", byId("explain").checked ? "yes" : "no");
  if (shown?.text) guarded(ask);
});
byId("token").addEventListener("change", () => guarded(load));
byId("language").addEventListener("click", () => speak(words === WORDS.en ? "zh" : "en"));
if (/Mac|iPhone|iPad/.test(navigator.platform)) byId("keys").textContent = "⌘ + Enter";
speak(localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en"));
guarded(load);
