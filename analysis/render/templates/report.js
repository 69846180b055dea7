"use strict";
// Everything shown is made of elements and text: no markup is ever parsed, and the page's policy forbids it.

// Plotly sets style attributes, which the policy refuses; the same through the object model is allowed.
const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

const PORTION = 50; // answers listed at a time
const dark = matchMedia("(prefers-color-scheme: dark)");
const wide = matchMedia("(min-width: 64rem)");
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const words = read("words");
const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
const fold = (text) => text.toLocaleLowerCase().replaceAll("ё", "е");
const counted = (shown, all) => words.count.replace("{shown}", shown).replace("{all}", all);

// An element with these properties; children are elements and texts.
function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// Tables

function upgradeTable(box) {
  const table = box.querySelector("table");
  const heads = [...table.tHead.rows[0].cells];
  if (table.classList.contains("prose")) {
    for (const row of table.tBodies[0].rows) heads.forEach((head, column) => { row.cells[column].dataset.title = head.textContent; });
  }
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
    button.addEventListener("click", () => sort(table, column));
    head.append(button);
  });
  if ("filters" in box.dataset) addFilter(box, [...table.tBodies[0].rows]);
}

// Numbers start with the largest, texts with the first; a second click turns the order; missing is last in both.
function sort(table, column) {
  const heads = [...table.tHead.rows[0].cells];
  const numbers = heads[column].classList.contains("number");
  const before = heads[column].ariaSort;
  const ascending = before ? before === "descending" : !numbers;
  const key = (row) => {
    const cell = row.cells[column];
    if (numbers) return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    return "missing" in cell.dataset ? null : cell.textContent;
  };
  const compare = (a, b) => (ascending ? 1 : -1) * (numbers ? a - b : collator.compare(a, b));
  const keyed = [...table.tBodies[0].rows].map((row) => [key(row), row]);
  keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : compare(a, b)));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
  heads.forEach((head) => head.removeAttribute("aria-sort"));
  heads[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

function addFilter(box, rows) {
  const field = make("input", { type: "search" });
  const count = make("output", { ariaLive: "polite" });
  const texts = new Map(rows.map((row) => [row, fold([...row.cells].map((cell) => cell.textContent).join(" "))]));
  field.addEventListener("input", () => {
    const wanted = fold(field.value).split(/\s+/);
    rows.forEach((row) => { row.hidden = !wanted.every((word) => texts.get(row).includes(word)); });
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = shown ? counted(shown, rows.length) : words.nothing;
  });
  box.prepend(make("div", { className: "fields" }, make("label", {}, words.filter, field), count));
}

// The answers browser

const GRADE_TONES = { correct: "good", mixed: "bad", wrong_known: "bad", wrong_unknown: "bad" };

function upgradeAnswers(box) {
  const data = read(box.dataset.source);
  const items = listAnswers(data);
  const choices = {
    trial: choice(words.trial, data.trials),
    character: choice(words.character, data.characters),
    before: choice(words.grade_before, data.grades.map((grade) => grade.word)),
    after: choice(words.grade_after, data.grades.map((grade) => grade.word)),
  };
  const changed = make("input", { type: "checkbox" });
  const count = make("output", { ariaLive: "polite" });
  const list = make("ol");
  const more = make("button", { type: "button", className: "plain" }, words.more);
  let matches = [];

  const fits = (item, name) => choices[name].value === "" || item[name] === Number(choices[name].value);
  const extend = () => {
    const start = list.children.length;
    list.append(...matches.slice(start, start + PORTION).map((item) => answerItem(data, item)));
    more.hidden = list.children.length >= matches.length;
    return list.children[start];
  };
  const update = () => {
    matches = items.filter(
      (item) => Object.keys(choices).every((name) => fits(item, name)) && !(changed.checked && item.before === item.after),
    );
    list.replaceChildren();
    extend();
    count.textContent = matches.length ? counted(matches.length, items.length) : words.nothing;
  };
  // A keyboard goes on where the new answers begin.
  more.addEventListener("click", () => extend()?.focus());

  if (data.trials.length) choices.trial.value = "0";
  const fields = make("div", { className: "fields" });
  for (const field of Object.values(choices)) fields.append(make("label", {}, field.ariaLabel, field));
  fields.append(make("label", { className: "check" }, changed, words.changed), count);
  fields.addEventListener("change", update);
  box.append(fields, list, more);
  update();
}

function choice(label, names) {
  const options = names.map((name, place) => make("option", { value: place }, name));
  return make("select", { ariaLabel: label }, make("option", { value: "" }, words.any), ...options);
}

// One item for each answer of a trial; without trials, for what the base answered.
function listAnswers(data) {
  return data.probes.flatMap((probe) => {
    const item = (trial, text, after) => ({ probe, trial, text, before: probe.before[1], after, character: probe.character });
    if (!data.trials.length) return [item(-1, -1, -1)];
    return data.trials
      .map((_, trial) => item(trial, probe.after[2 * trial], probe.after[2 * trial + 1]))
      .filter(({ text }) => text >= 0);
  });
}

function answerItem(data, { probe, trial, text, after }) {
  const source = data.pictures[probe.picture];
  const shown = source
    ? make("img", { src: source, alt: data.characters[probe.character] })
    : make("p", { className: "no-picture" }, words.no_picture);
  const hasPicture = probe.picture >= 0;
  const facts = make("dl", {});
  const add = (name, ...content) => facts.append(make("dt", {}, name), make("dd", {}, ...content));
  add(words.gold, data.texts[probe.gold]);
  add(words.before, gradeBadge(data.grades[probe.before[1]]), answerText(data.texts[probe.before[0]]));
  if (text >= 0) add(words.after, gradeBadge(data.grades[after]), answerText(data.texts[text]));
  const about = [data.characters[probe.character], probe.id, ...(trial >= 0 ? [data.trials[trial]] : [])].join(" · ");
  const question = make("p", { className: "question" }, data.texts[probe.question]);
  const className = hasPicture ? "answer" : "answer textual";
  const said = make("div", {}, make("header", {}, about), question, facts);
  return make("li", { className, tabIndex: -1 }, ...(hasPicture ? [shown] : []), said);
}

const gradeBadge = ({ name, word }) => make("span", { className: `grade ${GRADE_TONES[name] ?? "unsure"}` }, word);
const answerText = (text) => (text.trim() ? make("bdi", {}, text) : make("span", { className: "empty" }, words.empty));

// Charts: drawn when they come into sight, and again when the colours change.

const drawn = new Set();

function theme() {
  const style = getComputedStyle(document.documentElement);
  const [ink, muted, line, raised, sans] = ["ink", "muted", "line", "raised", "sans"].map((name) => style.getPropertyValue(`--${name}`));
  const clear = "rgba(0,0,0,0)";
  const axis = {
    gridcolor: line, linecolor: line, zerolinecolor: muted, tickcolor: line, tickfont: { color: muted },
    automargin: true, title: { font: { size: 13, color: muted } },
  };
  return {
    layout: {
      font: { family: sans, color: ink, size: 13 }, paper_bgcolor: clear, plot_bgcolor: clear, yaxis: axis,
      xaxis: { ...axis, zeroline: false, autotickangles: [0, -35, -90], ticklabeloverflow: "allow" },
      legend: { font: { color: ink }, bgcolor: clear }, hoverlabel: { bgcolor: raised, bordercolor: line, font: { color: ink, family: sans } },
    },
  };
}

function draw(node) {
  const { data, layout } = read(node.dataset.source);
  // On a phone it scrolls sideways in its box rather than shrink: several panels, or many names on an axis.
  node.classList.toggle("wide", "xaxis2" in layout || layout.xaxis?.ticktext?.length > 6);
  drawn.add(node);
  // A finger drags the page, not the chart.
  const dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
  // At the very bottom, where no title of an axis is in the way at any size.
  const legend = { ...layout.legend, orientation: "h", yref: "container", y: 0, yanchor: "bottom" };
  return Plotly.react(node, data, { dragmode, ...layout, legend, template: theme() }, { displayModeBar: false });
}

function watchCharts() {
  const nodes = document.querySelectorAll(".plot");
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) if (drawn.has(target) && target.clientWidth) Plotly.Plots.resize(target);
  });
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      sight.unobserve(target);
      draw(target).then(() => sizes.observe(target));
    }
  }, { rootMargin: "400px" });
  for (const node of nodes) {
    node.style.height = `${read(node.dataset.source).layout.height ?? 420}px`;
    sight.observe(node);
  }
  dark.addEventListener("change", () => drawn.forEach(draw));
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    nodes.forEach((node) => { if (!node.closest("details:not([open])")) draw(node); });
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    drawn.forEach(draw);
  });
}

// Contents, anchors, commands

function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
  target.scrollIntoView();
}

function watchContents() {
  const contents = document.querySelector(".contents");
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
  contents.open = wide.matches;
  wide.addEventListener("change", () => { contents.open = wide.matches; });
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) contents.open = false;
  });
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) links.get(target.id).setAttribute("aria-current", "true");
      else links.get(target.id).removeAttribute("aria-current");
    }
  }, { rootMargin: "-15% 0px -80%" });
  for (const id of links.keys()) sight.observe(document.getElementById(id));
  addEventListener("hashchange", reveal);
  reveal();
}

function addCopyButton(box) {
  const button = make("button", { type: "button", className: "plain" }, words.copy);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(box.querySelector("code").textContent);
    button.textContent = words.copied;
  });
  box.append(button);
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".table").forEach(upgradeTable);
  document.querySelectorAll(".answers").forEach(upgradeAnswers);
  if (navigator.clipboard) document.querySelectorAll(".code").forEach(addCopyButton);
  watchContents();
  watchCharts();
});
