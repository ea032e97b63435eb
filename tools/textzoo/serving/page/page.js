"use strict";

const WORDS = {
  en: {
    about: "About this model", ask: "Ask", answer: "Answer", compare: "Compare two texts",
    example: "Try an example", examples: "Examples", search: "Nearest texts",
    secondText: "Second text", send: "Send", text: "Text", token: "Token", other: "中文",
    labelsToShow: "labels to show ", textsToShow: "texts to show ",
    hints: {
      predict: "Type or paste a text", search: "Type what you are looking for",
      similarity: "Type or paste a text", second: "Type or paste another text",
    },
    purpose: {
      best: (n, names) => `Tells which of ${n} labels fits a text best${names && `: ${names}`}.`,
      several: (n, names) => `Tells which of ${n} labels a text has, none, one or several${names && `: ${names}`}.`,
      levels: (n, names) => `Tells the level of each of ${n} labels in a text${names && `: ${names}`}.`,
      search: (n) => `Finds those of ${n} texts that are nearest in meaning.`,
      similarity: () => "Tells how near two texts are in meaning.",
    },
    quality: "How good it is", labels: "Labels", reads: "Reads", trained: "Trained",
    exported: "Exported", engine: "Runs on",
    validation: (rows) => `On ${rows} that it was not trained on:`,
    rows: (n) => `${n} texts`, someRows: "texts",
    steps: (n, name) => `${n} steps; checkpoint ${name}`,
    units: { words: "words", tokens: "tokens", characters: "characters" },
    all: "a text as a whole",
    first: (limit, unit) => `the first ${limit} ${unit} of a text`,
    counted: (n, unit) => `${n} ${unit}`,
    countedOf: (n, unit, limit) => `${n} of at most ${limit} ${unit}`,
    cut: (n, unit, limit) => `${n} ${unit}, of which only the first ${limit} are read`,
    cutBeside: (n, unit, limit) => `${n} ${unit}, of which the net reads the first ${limit}, the n-grams beside it all`,
    tooLong: (n, limit) => `${n} characters: too long, at most ${limit} are taken`,
    empty: "There is nothing in this text that the model can read.",
    unknown: (unit) => `The model knows none of these ${unit}: the answer tells little.`,
    unknownBeside: (unit) => `The net knows none of these ${unit}: the n-grams beside it decide.`,
    someUnknown: (names) => `Unknown to the model: ${names}`,
    someUnknownBeside: (names) => `Unknown to the net: ${names}`,
    none: "No label is likely enough: none scores above its threshold.",
    unlikely: (shown) => `No label is likely: the first has ${shown}.`,
    weak: "A weak match, or an unusual text: 19 of 20 usual texts find something nearer.",
    cosine: "cosine", score: "score", level: "level",
    chosen: "✓ scores above its threshold.",
    isProbability: "Each percentage is the probability that the text has the label, whatever other labels it has.",
    isShare: "Below a label are groups of words or letters that speak for it, with what each adds to its score.",
    isScore: "The numbers are scores, not probabilities: what counts is the order.",
    isSure: "Each number is how sure the model is of the level.",
    isCosine: "The numbers are cosines: 1 is the same meaning, about 0 is none in common.",
    isMixed: "The numbers mix nearness in meaning and n-grams in common: what counts is the order.",
    share: "adds to the score", explain: "shade the words that count",
    shading: "Blue words speak for the underlined label, orange ones against it. Click a label for its own.",
    unreachable: "The server cannot be reached.", tokenNeeded: "This server asks for a token.",
    metrics: {
      "accuracy": "share of texts whose first label is right",
      "precision": "share of right labels among the first @",
      "recall": "share of a text's labels that are among the first @",
      "found": "share of queries whose text is among the first @",
      "mrr": "1 if what is right comes first, 1/2 if second, and so on; the mean",
      "ndcg": "how far up what is right stands, among the first @",
      "psp": "as precision, but rare labels count more",
      "micro_f1": "mean of precision and recall, over all labels together",
      "macro_f1": "the same label by label, rare ones counting as much as others",
      "subset_accuracy": "share of texts whose labels are all right",
      "hamming_loss": "share of labels wrongly given or left out; less is better",
      "pairwise_accuracy": "how often a label of the text scores above another one",
      "level_accuracy": "share of levels that are right",
      "level_error": "by so much levels are off; less is better",
    },
  },
  zh: {
    about: "关于此模型", ask: "提问", answer: "结果", compare: "比较两段文本",
    example: "试一个示例", examples: "示例", search: "最相近的文本",
    secondText: "第二段文本", send: "发送", text: "文本", token: "令牌", other: "English",
    labelsToShow: "显示标签数 ", textsToShow: "显示文本数 ",
    hints: {
      predict: "输入或粘贴一段文本", search: "输入要查找的内容",
      similarity: "输入或粘贴一段文本", second: "输入或粘贴另一段文本",
    },
    purpose: {
      best: (n, names) => `从 ${n} 个标签中找出最适合文本的一个${names && `：${names}`}。`,
      several: (n, names) => `判断文本有 ${n} 个标签中的哪些，没有、一个或多个${names && `：${names}`}。`,
      levels: (n, names) => `判断文本中 ${n} 个标签各自的等级${names && `：${names}`}。`,
      search: (n) => `在 ${n} 条文本中查找意思最相近的。`,
      similarity: () => "判断两段文本的意思有多相近。",
    },
    quality: "效果", labels: "标签", reads: "读取", trained: "训练",
    exported: "导出", engine: "运行于",
    validation: (rows) => `在未参与训练的${rows}上：`,
    rows: (n) => ` ${n} 条文本`, someRows: "文本",
    steps: (n, name) => `${n} 步；检查点 ${name}`,
    units: { words: "个词", tokens: "个词元", characters: "个字符" },
    all: "整段文本",
    first: (limit, unit) => `文本的前 ${limit} ${unit}`,
    counted: (n, unit) => `${n} ${unit}`,
    countedOf: (n, unit, limit) => `${n} ${unit}，最多 ${limit}`,
    cut: (n, unit, limit) => `${n} ${unit}，只读取前 ${limit} ${unit.slice(0, 1)}`,
    cutBeside: (n, unit, limit) => `${n} ${unit}，网络读取前 ${limit} ${unit.slice(0, 1)}，旁边的 n 元组读取全部`,
    tooLong: (n, limit) => `${n} 个字符：太长，最多 ${limit} 个`,
    empty: "此文本中没有模型能读取的内容。",
    unknown: (unit) => `这些${unit.slice(1)}模型一个也不认识：结果参考价值不大。`,
    unknownBeside: (unit) => `这些${unit.slice(1)}网络一个也不认识：由旁边的 n 元组决定。`,
    someUnknown: (names) => `模型不认识：${names}`,
    someUnknownBeside: (names) => `网络不认识：${names}`,
    none: "没有足够可能的标签：没有标签的得分超过阈值。",
    unlikely: (shown) => `没有可能的标签：第一个只有 ${shown}。`,
    weak: "匹配较弱，或文本不寻常：通常的文本中，20 条有 19 条能找到更相近的。",
    cosine: "余弦相似度", score: "得分", level: "等级",
    chosen: "✓ 得分超过阈值。",
    isProbability: "百分比是文本有该标签的概率，各标签分别计算。",
    isShare: "标签下方是支持它的词组或字组，以及各自给得分增加多少。",
    isScore: "数字是得分，不是概率：重要的是顺序。",
    isSure: "数字是模型对该等级的把握。",
    isCosine: "数字是余弦相似度：1 表示意思相同，接近 0 表示没有共同之处。",
    isMixed: "数字综合了意思的相近程度和共同的 n 元组：重要的是顺序。",
    share: "对得分的贡献", explain: "标出起作用的词",
    shading: "蓝色的词支持带下划线的标签，橙色的词反对它。点击标签可查看相应的词。",
    unreachable: "无法连接服务器。", tokenNeeded: "此服务器需要令牌。",
    metrics: {
      "accuracy": "第一个标签正确的文本比例",
      "precision": "前 @ 个标签中正确的比例",
      "recall": "文本自身的标签在前 @ 个中的比例",
      "found": "要找的文本在前 @ 条之中的比例",
      "mrr": "正确的排第一得 1，排第二得 1/2，依此类推；取平均",
      "ndcg": "正确的在前 @ 个中有多靠前",
      "psp": "类似精确率，但少见的标签权重更大",
      "micro_f1": "精确率与召回率的平均，所有标签合在一起",
      "macro_f1": "同上，逐个标签计算，少见的标签同样重要",
      "subset_accuracy": "所有标签都正确的文本比例",
      "hamming_loss": "对标签的是非判断出错的比例；越小越好",
      "pairwise_accuracy": "文本自身标签的得分高于其他标签的比例",
      "level_accuracy": "等级正确的比例",
      "level_error": "等级平均相差多少；越小越好",
    },
  },
};

const byId = (id) => document.getElementById(id);
const REASONS = 8; // n-grams under a label
const METRICS = 4; // in what is told of the model
const NO_METRICS = ["lexical_weight", "rows", "threshold"]; // of what validation notes
const FEW = 100; // characters of all labels' names, which are then told at once
const NAMED = 10; // unknown words, of which the server names no more
const PAUSE = 300; // milliseconds without typing, after which words are counted
let words = WORDS.en;
let path = null; // of the chosen model, before its own paths
let facts = null; // of that model
let task = "predict";
let shown = null; // the last answer, to be shown anew in the other language
let coverages = new Map(); // of texts that were counted, how much of each the model reads
let nextExample = 0;
let explained = 0; // which of the answer's labels has its words shaded; -1: none
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

const numeral = (number) => number.toLocaleString(document.documentElement.lang);

function purpose() {
  if (facts.kind !== "embeddings") {
    const all = facts.labels.join(", ");
    const names = facts.labels.length === facts.n_labels && all.length <= FEW ? all : "";
    const kind = facts.kind === "levels" ? "levels" : facts.threshold === null ? "best" : "several";
    return words.purpose[kind](numeral(facts.n_labels), names);
  }
  return facts.indexed_texts
    ? words.purpose.search(numeral(facts.indexed_texts)) : words.purpose.similarity();
}

function showFacts() {
  byId("purpose").textContent = purpose();
  byId("what").textContent = facts.kind === "tags" ? words.labelsToShow : words.textsToShow;
  byId("first").placeholder = words.hints[task];
  byId("second").placeholder = words.hints.second;
  const { checkpoint, reads } = facts;
  const rows = [];
  const quality = metricLines(checkpoint.validation_metrics || {});
  if (quality) rows.push([words.quality, quality]);
  if (facts.n_labels) {
    const more = facts.n_labels > facts.labels.length ? ", …" : "";
    rows.push([words.labels, `${numeral(facts.n_labels)}: ${facts.labels.join(", ")}${more}`]);
  }
  if (reads) {
    const { unit, limit } = reads;
    const part = limit === null ? words.all : words.first(numeral(limit), words.units[unit]);
    rows.push([words.reads, part]);
  }
  rows.push([words.trained, words.steps(numeral(checkpoint.step), checkpoint.name)]);
  const exported = new Date(1000 * facts.exported_at);
  rows.push([words.exported, exported.toLocaleDateString(document.documentElement.lang)]);
  rows.push([words.engine, facts.engine]);
  byId("facts").replaceChildren(...rows.flatMap(([name, value]) => {
    const told = element("dd");
    told.append(value);
    return [element("dt", "", name), told];
  }));
  byId("about").hidden = false;
  showCounts();
}

function metricLines(found) {
  const metrics = Object.entries(found)
    .filter(([name, value]) => typeof value === "number" && !NO_METRICS.includes(name));
  if (!metrics.length) return null;
  const list = element("ul");
  list.append(...metrics.slice(0, METRICS).map(([name, value]) => {
    const [measure, k] = name.split("@");
    const isFound = measure === "recall" && facts.kind === "embeddings";
    const told = words.metrics[isFound ? "found" : measure]?.replace("@", k);
    const line = element("li", "", `${name} ${value.toFixed(3)}`);
    if (told) line.append(" ", element("small", "", told));
    return line;
  }));
  const all = element("div", "", words.validation(found.rows ? words.rows(numeral(found.rows)) : words.someRows));
  all.append(list);
  return all;
}

function fields() {
  return task === "similarity" ? ["first", "second"] : ["first"];
}

function showCounts() {
  for (const id of fields()) {
    const field = byId(id), shown = byId(`${id}-count`);
    const length = [...field.value].length;
    const most = facts.limits.characters;
    const { unit, total, limit } = coverages.get(field.value) || { unit: "characters", total: length };
    const isTooLong = length > most, isCut = Boolean(limit) && total > limit;
    let text = words.counted(numeral(total), words.units[unit]);
    if (isTooLong) text = words.tooLong(numeral(length), numeral(most));
    else if (isCut) text = cutText(total, unit, limit);
    else if (limit) text = words.countedOf(numeral(total), words.units[unit], numeral(limit));
    field.setCustomValidity(isTooLong ? text : "");
    shown.textContent = field.value ? text : "";
    shown.classList.toggle("over", isTooLong || isCut);
  }
}

function cutText(total, unit, limit) {
  const told = facts.has_linear ? words.cutBeside : words.cut;
  return told(numeral(total), words.units[unit], numeral(limit));
}

// Asks how much of the texts in the fields the model reads. Where that fails characters are counted:
// what is wrong comes out when the model itself is asked.
async function cover() {
  if (!facts.reads) return;
  const of = facts;
  const texts = fields().map((id) => byId(id).value).filter((text) =>
    text && [...text].length <= facts.limits.characters && !coverages.has(text));
  if (!texts.length) return;
  const found = await request(`${path}coverage`, { texts }).catch(() => null);
  if (!found || of !== facts) return;
  texts.forEach((text, i) => coverages.set(text, found.coverage[i]));
  showCounts();
}

let pause = null;
function countSoon() {
  if (!facts) return;
  showCounts();
  clearTimeout(pause);
  pause = setTimeout(cover, PAUSE);
}

function choose(chosen) {
  task = chosen;
  shown = null;
  byId("answer").hidden = true;
  byId("other").hidden = byId("second").disabled = task !== "similarity";
  byId("how-many").hidden = task === "similarity" || facts.kind === "levels";
  byId("texts").setAttribute("aria-labelledby", `tab-${task}`);
  byId("explains").hidden = !facts.explains;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const selected = tab.dataset.task === task;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
  }
  showFacts();
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
  const { signal } = running;
  const texts = fields().map((id) => [id, byId(id).value]);
  const started = performance.now();
  const counted = cover();
  const answer = await request(path + task, body);
  const milliseconds = performance.now() - started;
  await counted;
  signal.throwIfAborted();
  shown = { task, answer, milliseconds, texts };
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

function percent(share) {
  if (share >= 0.9995) return "> 99.9%";
  return share < 0.0005 ? "< 0.1%" : `${(100 * share).toFixed(1)}%`;
}

function showAnswer() {
  const { answer, milliseconds } = shown;
  let lines, meaning, isWeak = false;
  const warnings = coverageWarnings(), more = [];
  if (shown.task === "similarity") {
    lines = [{ name: words.cosine, score: answer.similarities[0] }];
    meaning = words.isCosine;
  } else if (shown.task === "search") {
    lines = answer.results[0].map(({ text, score }) => ({ name: text, score }));
    isWeak = lines[0]?.score < (facts.weak_below ?? -Infinity);
    if (isWeak) warnings.push(words.weak);
    meaning = facts.is_hybrid ? words.isMixed : words.isCosine;
  } else {
    const { predicted, top } = answer.predictions[0];
    lines = top.map(({ tag, ...scored }) => ({ name: tag, ...scored }));
    meaning = lines[0]?.probability === undefined ? words.isScore : words.isProbability;
    if (facts.kind === "levels") {
      lines.forEach((line) => {
        const label = line.name.slice(0, line.name.lastIndexOf(":"));
        line.name = `${label}: ${words.level} ${predicted[label]}`;
        line.chosen = predicted[label] > 0;
        line.probability = line.score;
      });
      meaning = words.isSure;
    } else if (predicted) {
      lines.forEach((line) => { line.chosen = predicted.includes(line.name); });
      if (predicted.length) more.push(words.chosen);
      else warnings.push(words.none);
    } else if (lines[0]?.probability < 0.5) {
      warnings.push(words.unlikely(percent(lines[0].probability)));
    }
  }
  if (lines.some(({ why }) => why?.length)) more.push(words.isShare);
  // Probabilities and cosines fill their own part; other scores are compared with the highest.
  const full = Math.max(1, ...lines.map(({ score, probability }) => probability ?? score));
  byId("results").replaceChildren(...lines.map((line) => resultLine(line, full)));
  byId("results").classList.toggle("weak", isWeak);
  showWords(lines);
  byId("latency").textContent = `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  byId("warnings").replaceChildren(...warnings.map((text) => element("li", "", text)));
  byId("note").textContent = [meaning, ...more].join(" ");
  byId("note").hidden = !lines.length;
  byId("answer").hidden = false;
}

// What the model did not read, or does not know, of the texts that were asked about.
function coverageWarnings() {
  const tell = facts.has_linear ? words.unknownBeside : words.unknown;
  const tellSome = facts.has_linear ? words.someUnknownBeside : words.someUnknown;
  return shown.texts.flatMap(([id, text]) => {
    const found = coverages.get(text);
    if (!found) return [];
    const { unit, total, limit, known, unknown } = found;
    const told = [];
    if (!total) told.push(words.empty);
    else if (!known) told.push(tell(words.units[unit]));
    else if (unknown.length) {
      told.push(tellSome(unknown.join(", ") + (unknown.length < NAMED ? "" : ", …")));
    }
    if (limit && total > limit) told.push(cutText(total, unit, limit));
    if (shown.task !== "similarity") return told;
    return told.map((line) => `${id === "first" ? words.text : words.secondText}: ${line}`);
  });
}

function resultLine({ name, score, probability, chosen, why }, full) {
  const row = element("li");
  const line = element("div", "line");
  line.append(element("span", chosen ? "name chosen" : "name", name));
  const isShare = probability !== undefined;
  const number = element("span", "number", isShare ? percent(probability) : score.toFixed(3));
  if (isShare) number.title = `${words.score} ${score.toFixed(3)}`;
  line.append(number);
  const track = element("div", "track");
  const bar = element("div", "bar");
  bar.style.width = `${Math.max(0, 100 * (probability ?? score) / full)}%`;
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
  byId("shaded").replaceChildren(...own?.length ? shaded(shown.texts[0][1], own) : []);
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
  coverages = new Map();
  nextExample = 0;
  const embeds = facts.kind === "embeddings";
  byId("tabs").hidden = !embeds || !facts.indexed_texts;
  if (byId("tabs").hidden) byId("texts").removeAttribute("role");
  else byId("texts").setAttribute("role", "tabpanel");
  choose(!embeds ? "predict" : facts.indexed_texts ? "search" : "similarity");
  byId("example").hidden = byId("examples").hidden = !facts.examples.length;
  byId("examples").querySelector("ul").replaceChildren(...facts.examples.map((text) => {
    const item = element("li");
    const button = element("button", "", text.length > 150 ? `${text.slice(0, 150)}…` : text);
    button.type = "button";
    button.addEventListener("click", () => {
      const empty = task === "similarity" && byId("first").value && !byId("second").value;
      fill(empty ? "second" : "first", text);
      if (task !== "similarity" || byId("second").value) guarded(ask);
    });
    item.append(button);
    return item;
  }));
  countSoon();
}

function fill(id, text) {
  byId(id).value = text;
  countSoon();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(ask);
});
byId("form").addEventListener("input", countSoon);
byId("example").addEventListener("click", () => {
  for (const id of fields()) fill(id, facts.examples[nextExample++ % facts.examples.length]);
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
byId("token-field").addEventListener("submit", (event) => {
  event.preventDefault();
  guarded(load);
});
byId("explain").checked = localStorage.getItem("explain") !== "no";
byId("explain").addEventListener("change", () => {
  localStorage.setItem("explain", byId("explain").checked ? "yes" : "no");
  if (shown?.task === "predict") guarded(ask);
});
byId("language").addEventListener("click", () => speak(words === WORDS.en ? "zh" : "en"));
if (/Mac|iPhone|iPad/.test(navigator.platform)) byId("keys").textContent = "⌘ + Enter";
speak(localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en"));
guarded(load);
