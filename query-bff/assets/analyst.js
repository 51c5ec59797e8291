// The analyst's page: a question is put together with the mouse, asked of `/:index/aggregate`, and shown.
// Fields, operators and words come from `/:index/schema`, views from the OpenAPI document. The token stays in memory.
import { snippet } from "./snippets.js";

const byId = (id) => document.getElementById(id);
const INTERVALS = ["hour", "day", "week", "month", "quarter", "year"];
const FUNCTIONS = { count: null, distinct: "any", avg: "number", sum: "number", min: "ordered", max: "ordered", percentiles: "number", ratio: "filter" };
const PALETTE = ["#2f7d6b", "#c7873b", "#4a72b8", "#b0524f", "#7b5ea7", "#6d8a3a", "#3c8fa8", "#a8658f"];
const state = { fields: [], filters: [], dimensions: [], metrics: [{ fn: "count" }], language: "curl", answer: null, rows: [], chart: null };

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function select(options, value, changed, label) {
  const made = element("select");
  made.setAttribute("aria-label", label);
  for (const option of options) {
    const [word, shown] = Array.isArray(option) ? option : [option, option];
    const item = element("option", shown);
    item.value = word;
    made.append(item);
  }
  made.value = value ?? "";
  made.addEventListener("change", () => changed(made.value));
  return made;
}

function input(value, placeholder, changed, label) {
  const made = element("input");
  made.value = value ?? "";
  made.placeholder = placeholder;
  made.setAttribute("aria-label", label);
  made.addEventListener("input", () => { changed(made.value); showSnippet(); });
  return made;
}

function removal(list, item) {
  const made = element("button", "✕", "remove");
  made.type = "button";
  made.setAttribute("aria-label", "remove");
  made.addEventListener("click", () => { list.splice(list.indexOf(item), 1); draw(); });
  return made;
}

const field = (name) => state.fields.find((known) => known.name === name);
const fieldNames = (keep = () => true) => state.fields.filter((known) => known.type !== "Object" && keep(known)).map((known) => known.name);
const isNumber = (known) => known.type === "Integer" || known.type === "Double";
const isOrdered = (known) => isNumber(known) || known.type === "Date";
const TAKES = { any: () => true, number: isNumber, ordered: isOrdered };
const OWN_OPERATORS = ["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "between", "exists", "prefix", "contains", "match"];

// One condition: field, operator, value.
function condition(item, ending) {
  const row = element("div", undefined, "row");
  const known = field(item.field);
  const operators = known ? known.operators.filter((op) => OWN_OPERATORS.includes(op)) : [];
  if (!operators.includes(item.op)) item.op = operators[0];
  row.append(
    select(fieldNames((f) => f.operators.length), item.field, (value) => { item.field = value; item.value = ""; draw(); }, "field"),
    select(operators, item.op, (value) => { item.op = value; draw(); }, "operator"),
  );
  const words = known && (known.enum || (known.type === "Boolean" || item.op === "exists" ? ["true", "false"] : null));
  if (words && !["in", "nin"].includes(item.op)) {
    const choices = item.op === "exists" ? ["true", "false"] : words;
    if (!choices.includes(item.value)) item.value = choices[0];
    row.append(select(choices, item.value, (value) => { item.value = value; draw(); }, "value"));
  } else {
    const hint = ["in", "nin", "between"].includes(item.op) ? "a, b" : known && known.type === "Date" ? "now-90d/d" : "value";
    row.append(input(item.value, hint, (value) => { item.value = value; }, "value"));
  }
  row.append(ending);
  return row;
}

function typed(name, text) {
  const known = field(name);
  const word = text.trim();
  if (known && isNumber(known) && word !== "" && !Number.isNaN(Number(word))) return Number(word);
  if (known && known.type === "Boolean") return word === "true";
  return word;
}

function operand(item) {
  const text = item.value ?? "";
  if (item.op === "exists") return text === "true";
  if (["in", "nin", "between"].includes(item.op)) return text.split(",").map((part) => typed(item.field, part));
  return typed(item.field, text);
}

const expression = (item) => ({ [item.field]: { [item.op]: operand(item) } });

function dimension(item) {
  const row = element("div", undefined, "row");
  const known = field(item.field);
  const ways = [["", "each value"]];
  if (known && known.type === "Date") ways.push(...INTERVALS.map((word) => [word, "by " + word]));
  if (known && isOrdered(known)) ways.push(["ranges", "ranges"]);
  if (!ways.some(([word]) => word === item.way)) item.way = "";
  row.append(
    select(fieldNames(), item.field, (value) => { item.field = value; item.way = ""; draw(); }, "dimension"),
    select(ways, item.way, (value) => { item.way = value; draw(); }, "how"),
  );
  if (item.way === "ranges") row.append(input(item.cuts, known.type === "Date" ? "2024-01-01, 2025-01-01" : "20, 40, 60", (value) => { item.cuts = value; }, "cuts"));
  else if (item.way) row.append(input(item.zone, "time zone, UTC", (value) => { item.zone = value; }, "time zone"));
  else row.append(element("span"));
  row.append(removal(state.dimensions, item));
  return row;
}

function ranges(item) {
  const cuts = (item.cuts ?? "").split(",").map((cut) => cut.trim()).filter(Boolean).map((cut) => typed(item.field, cut));
  const all = cuts.map((cut, index) => (index ? { from: cuts[index - 1], to: cut } : { to: cut }));
  if (cuts.length) all.push({ from: cuts[cuts.length - 1] });
  return all;
}

function metric(item) {
  const row = element("div", undefined, "row");
  const takes = FUNCTIONS[item.fn];
  row.append(select(Object.keys(FUNCTIONS), item.fn, (value) => { item.fn = value; draw(); }, "metric"));
  if (takes === "filter") {
    item.of ??= { field: fieldNames((f) => f.enum)[0] ?? "id" };
    const inner = condition(item.of, element("span"));
    inner.classList.add("wide");
    row.append(element("span", "share where"), element("span"), removal(state.metrics, item), inner);
    return row;
  }
  if (takes) {
    const names = fieldNames(TAKES[takes]);
    if (!names.includes(item.field)) item.field = names.includes("plies") ? "plies" : names[0];
    row.append(select(names, item.field, (value) => { item.field = value; draw(); }, "of field"));
  } else row.append(element("span"));
  row.append(item.fn === "percentiles" ? input(item.percents ?? "50, 90", "50, 90", (value) => { item.percents = value; }, "percents") : element("span"));
  row.append(removal(state.metrics, item));
  return row;
}

function metricName(item, taken) {
  const plain = item.fn === "count" ? "count" : item.fn === "ratio" ? "share_" + (item.of.value || item.of.field) : item.fn + "_" + item.field;
  const name = plain.replaceAll(/[^A-Za-z0-9_]/g, "_").slice(0, 60);
  let chosen = name;
  for (let n = 2; taken.includes(chosen); n += 1) chosen = name + "_" + n;
  return chosen;
}

function metricBody(item) {
  if (item.fn === "count") return { count: true };
  if (item.fn === "ratio") return { ratio: { of: expression(item.of) } };
  if (item.fn !== "percentiles") return { [item.fn]: item.field };
  return { percentiles: item.field, percents: (item.percents ?? "50, 90").split(",").map(Number) };
}

// The body of the request.
function question() {
  const body = {};
  if (state.filters.length) body.filters = { $and: state.filters.map(expression) };
  const taken = [];
  if (state.dimensions.length) {
    body.groupBy = state.dimensions.map((item) => {
      const made = { field: item.field };
      if (taken.includes(item.field)) made.name = item.field + "_" + taken.length;
      taken.push(made.name ?? made.field);
      if (item.way === "ranges") made.ranges = ranges(item);
      else if (item.way) made.interval = item.way;
      if (item.way && item.way !== "ranges" && item.zone) made.timeZone = item.zone;
      return made;
    });
  }
  if (byId("missing").checked) body.missing = true;
  body.metrics = {};
  for (const item of state.metrics) {
    const name = metricName(item, taken);
    taken.push(name);
    body.metrics[name] = metricBody(item);
  }
  const [by, order] = byId("order").value.split(" ");
  if (by) body.orderBy = [{ metric: by, order }];
  body.limit = Number(byId("limit").value) || 50;
  body.totals = true;
  return body;
}

// The names that numbers of a row have: those of percentiles with a dot.
function numbersOf(metrics) {
  return Object.entries(metrics).flatMap(([name, metric]) => metric.percentiles ? metric.percents.map((percent) => name + "." + percent) : [name]);
}

function drawOrder() {
  const chosen = byId("order").value;
  const options = [["", "by key"], ...numbersOf(question().metrics).flatMap((name) => [[name + " desc", name + " ↓"], [name + " asc", name + " ↑"]])];
  const made = select(options, options.some(([word]) => word === chosen) ? chosen : "", showSnippet, "order");
  made.id = "order";
  byId("order").replaceWith(made);
}

function draw() {
  byId("filters").replaceChildren(...state.filters.map((item) => condition(item, removal(state.filters, item))));
  byId("dimensions").replaceChildren(...state.dimensions.map(dimension));
  byId("metrics").replaceChildren(...state.metrics.map(metric));
  byId("addDimension").hidden = state.dimensions.length >= 4;
  drawOrder();
  showSnippet();
}

const url = () => new URL(byId("view").value + "/aggregate", location.href).href;

function showSnippet() {
  byId("snippet").textContent = snippet(state.language, url(), question());
}

function say(text, bad) {
  byId("status").textContent = text;
  byId("status").className = bad ? "bad" : "";
}

async function ask(path, body) {
  const token = byId("token").value.trim();
  const headers = token ? { Authorization: "Bearer " + token } : {};
  const init = body ? { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) } : { headers };
  const response = await fetch(path, init);
  const answer = await response.json();
  if (!response.ok) throw new Error((answer.errors ?? []).map((fault) => fault.pointer + " " + fault.message).join("\n") || answer.detail);
  return answer;
}

async function chooseView() {
  state.fields = [];
  Object.assign(state, { filters: [], dimensions: [], metrics: [{ fn: "count" }] });
  if (byId("token").value.trim()) {
    try {
      state.fields = (await ask(byId("view").value + "/schema")).fields;
      say("Put the question together, then show.");
    } catch (error) { say(error.message, true); }
  }
  for (const id of ["addFilter", "addDimension", "addMetric", "run"]) byId(id).disabled = !state.fields.length;
  draw();
}

const flat = (row) => Object.fromEntries(Object.entries(row).flatMap(([name, value]) =>
  value && typeof value === "object" ? Object.entries(value).map(([percent, number]) => [name + "." + percent, number]) : [[name, value]]));
const rounded = (value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)).toString() : String(value));

function cells(row, names) {
  return names.map((name) => {
    const value = row[name];
    const cell = element("td", value === null ? "(missing)" : value === undefined ? "" : rounded(value));
    if (value === null) cell.className = "missing";
    if (typeof value === "number") cell.className = "number";
    return cell;
  });
}

function showTable() {
  const { rows, answer } = state;
  const names = Object.keys(flat(rows[0] ?? answer.totals ?? {}));
  byId("tableCard").hidden = false;
  const head = element("tr");
  head.append(...names.map((name) => element("th", name)));
  document.querySelector("thead").replaceChildren(head);
  const lines = rows.map((row) => { const line = element("tr"); line.append(...cells(flat(row), names)); return line; });
  if (answer.totals && state.asked.groupBy) {
    const line = element("tr", undefined, "totals");
    line.append(...cells({ [names[0]]: "all", ...flat(answer.totals) }, names));
    lines.push(line);
  }
  document.querySelector("tbody").replaceChildren(...lines);
  byId("more").hidden = !answer.nextCursor;
}

// The first dimension along the axis; with more a series for each combination of their values, else the chosen number.
// As many series as there are colours; `all` is how many there would be.
function series(keys, number) {
  const word = (value) => (value === null ? "(missing)" : String(value));
  const rows = state.rows.map(flat);
  const labels = [...new Set(rows.map((row) => word(row[keys[0]])))];
  if (keys.length < 2) return { data: { labels, datasets: [{ label: number, data: rows.map((row) => row[number]) }] }, all: 1 };
  const found = new Map();
  for (const row of rows) {
    const words = keys.slice(1).map((key) => word(row[key]));
    const id = JSON.stringify(words);
    if (!found.has(id)) found.set(id, { label: words.join(" · "), values: new Map() });
    found.get(id).values.set(word(row[keys[0]]), row[number]);
  }
  const shown = [...found.values()].slice(0, PALETTE.length);
  const datasets = shown.map(({ label, values }) => ({ label, data: labels.map((at) => values.get(at) ?? null) }));
  return { data: { labels, datasets }, all: found.size };
}

function showChart() {
  const keys = (state.asked.groupBy ?? []).map((item) => item.name ?? item.field);
  byId("chartCard").hidden = !keys.length || !state.rows.length;
  if (state.chart) state.chart.destroy();
  state.chart = null;
  if (byId("chartCard").hidden) return;
  const { data, all } = series(keys, byId("shown").value);
  byId("unshown").hidden = all <= data.datasets.length;
  byId("unshown").textContent = "The chart shows the first " + data.datasets.length + " of " + all + " series; the table has them all.";
  const color = getComputedStyle(document.body).getPropertyValue("--soft");
  data.datasets.forEach((set, index) => { set.backgroundColor = set.borderColor = PALETTE[index % PALETTE.length]; set.maxBarThickness = 48; });
  const axis = { ticks: { color }, grid: { color: "rgba(128,128,128,0.2)" } };
  state.chart = new Chart(byId("chart"), {
    type: byId("kind").value,
    data,
    options: {
      animation: false, responsive: true, maintainAspectRatio: false,
      scales: { x: axis, y: { ...axis, beginAtZero: true } },
      plugins: { legend: { labels: { color } } },
    },
  });
}

function show(answer, more) {
  state.answer = more ? { ...answer, totals: state.answer.totals } : answer;
  state.rows = more ? [...state.rows, ...answer.items] : answer.items;
  const groups = answer.groups === null ? state.rows.length + " groups so far" : answer.groups + " groups";
  say(answer.documents + " documents, " + groups);
  const numbers = numbersOf(state.asked.metrics);
  const chosen = byId("shown").value;
  const made = select(numbers, numbers.includes(chosen) ? chosen : numbers[0], showChart, "number of the chart");
  made.id = "shown";
  byId("shown").replaceWith(made);
  showTable();
  showChart();
}

async function run(more) {
  const body = more ? { ...state.asked, cursor: state.answer.nextCursor } : question();
  if (!more) state.asked = body;
  say("…");
  try { show(await ask(url(), body), more); } catch (error) { say(error.message, true); }
}

async function copy() {
  try {
    await navigator.clipboard.writeText(byId("snippet").textContent);
    say("copied");
  } catch {
    // There is no clipboard away from localhost and https, and it may be forbidden.
    getSelection().selectAllChildren(byId("snippet"));
    say("selected: copy it with Ctrl+C or ⌘C");
  }
}

async function begin() {
  const document_ = await ask("openapi.json");
  const path = Object.values(document_.paths).find((methods) => methods.post && methods.post.operationId === "aggregateIndex");
  const views = path.post.parameters.find((parameter) => parameter.name === "index").schema.enum;
  byId("view").replaceChildren(...views.map((name) => element("option", name)));
  byId("view").value = views.includes("chessGameListView") ? "chessGameListView" : views[0];
  byId("view").addEventListener("change", chooseView);
  byId("token").addEventListener("change", chooseView);
  byId("addFilter").addEventListener("click", () => { state.filters.push({ field: fieldNames((f) => f.enum)[0] ?? "id" }); draw(); });
  byId("addDimension").addEventListener("click", () => { state.dimensions.push({ field: fieldNames((f) => f.enum)[0] ?? "id", way: "" }); draw(); });
  byId("addMetric").addEventListener("click", () => { state.metrics.push({ fn: "avg" }); draw(); });
  for (const id of ["missing", "limit"]) byId(id).addEventListener("change", showSnippet);
  byId("kind").addEventListener("change", showChart);
  byId("run").addEventListener("click", () => run(false));
  byId("more").addEventListener("click", () => run(true));
  byId("copy").addEventListener("click", copy);
  for (const tab of byId("tabs").querySelectorAll("[data-language]")) {
    tab.addEventListener("click", () => {
      state.language = tab.dataset.language;
      for (const other of byId("tabs").querySelectorAll("[data-language]")) other.setAttribute("aria-selected", other === tab);
      showSnippet();
    });
  }
  await chooseView();
}

begin().catch((error) => say(error.message, true));
