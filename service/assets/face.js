// The page that explains and tries the API. Everything shown comes from the data that the service printed into the page.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const KEY = "wechess-access-token";

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// The token stays in this tab.
function token() { return byId("token").value.trim(); }
function keepToken(value) {
  byId("token").value = value;
  if (value) sessionStorage.setItem(KEY, value); else sessionStorage.removeItem(KEY);
  byId("whoText").textContent = value
    ? "Requests from this page carry the token below."
    : "Requests from this page carry no token. Routes marked “token” need one.";
}

function input(parameter) {
  const label = element("label", parameter.name, parameter.schema.type === "object" ? "wide" : "");
  if (parameter.required) label.append(" ", element("em", "required"));
  label.title = parameter.description;
  const words = parameter.schema.enum;
  const kind = [].concat(parameter.schema.type || [])[0];
  let field;
  if (words || kind === "boolean") {
    field = element("select");
    for (const word of ["", ...(words || ["true", "false"]).filter((w) => w !== null)]) field.append(element("option", word));
  } else {
    field = element("input");
    field.placeholder = parameter.description || "";
  }
  field.dataset.place = parameter.place;
  field.name = parameter.name;
  label.append(field);
  return label;
}

function bodyInput(operation) {
  const label = element("label", "Body (JSON)", "wide");
  const field = element("textarea", JSON.stringify(operation.example, null, 2));
  field.dataset.place = "body";
  field.spellcheck = false;
  label.append(field);
  const fields = Object.keys((operation.body || {}).properties || {});
  if (fields.length) label.append(element("span", "Fields: " + fields.join(", ")));
  return label;
}

// What the form asks for: URL, method, headers and body.
function request(operation, form) {
  let path = operation.path;
  const query = new URLSearchParams();
  const init = { method: operation.method, headers: {} };
  for (const field of form.querySelectorAll("[data-place]")) {
    const value = field.value.trim();
    if (field.dataset.place === "path") path = path.replace("{" + field.name + "}", encodeURIComponent(value));
    else if (field.dataset.place === "body") { if (value) { init.body = value; init.headers["Content-Type"] = "application/json"; } }
    else if (value === "") continue;
    else if (field.dataset.place === "query") query.append(field.name, value);
    else init.headers[field.name] = value;
  }
  if (token()) init.headers["Authorization"] = "Bearer " + token();
  const tail = query.toString();
  return { url: tail ? path + "?" + tail : path, init };
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function send(operation, card) {
  const { url, init } = request(operation, card.querySelector("form"));
  const answer = card.querySelector(".answer");
  const status = answer.querySelector(".status");
  answer.hidden = false;
  status.className = "status";
  status.textContent = "…";
  const began = performance.now();
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    const millis = Math.round(performance.now() - began);
    const told = ["consistency-token", "watermark", "etag", "retry-after", "x-request-id"]
      .filter((name) => response.headers.get(name)).map((name) => name + ": " + response.headers.get(name));
    status.textContent = [response.status + " " + response.statusText, millis + " ms", ...told].join("  ·  ");
    status.classList.add(response.ok ? "good" : "bad");
    answer.querySelector("pre").textContent = pretty(text);
    const given = response.headers.get(KEY);
    if (given) keepToken(given);
  } catch (error) {
    status.classList.add("bad");
    status.textContent = "no answer";
    answer.querySelector("pre").textContent = String(error);
  }
}

function curl(operation, form) {
  const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const { url, init } = request(operation, form);
  const parts = ["curl", "-sS", "-X", init.method, quote(location.origin + url)];
  for (const [name, value] of Object.entries(init.headers)) parts.push("-H", quote(name + ": " + value));
  if (init.body) parts.push("-d", quote(init.body));
  return parts.join(" ");
}

function card(operation) {
  const made = byId("operation").content.firstElementChild.cloneNode(true);
  made.id = operation.name;
  const method = made.querySelector(".method");
  method.textContent = operation.method;
  method.classList.add(operation.method);
  made.querySelector(".path").textContent = operation.path;
  made.querySelector(".name").textContent = operation.name;
  made.querySelector(".lock").classList.toggle("on", operation.needsToken);
  made.querySelector(".summary").textContent = operation.summary;
  made.querySelector(".permission").textContent =
    "Who: " + operation.permission + ". Answers " + operation.status + "; else " + ([...operation.errors, ...operation.others].sort().join(", ") || "nothing") + ".";
  const fields = made.querySelector(".fields");
  operation.parameters.forEach((parameter) => fields.append(input(parameter)));
  if (operation.body) fields.append(bodyInput(operation));
  made.querySelector(".shape pre").textContent = JSON.stringify(operation.answer, null, 2);
  made.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); send(operation, made); });
  made.querySelector(".curl").addEventListener("click", async (event) => {
    await navigator.clipboard.writeText(curl(operation, made.querySelector("form")));
    event.target.textContent = "Copied";
  });
  return made;
}

function list() {
  const own = data.operations.filter((o) => o.group !== "common");
  const groups = new Map();
  for (const o of [...own, ...data.operations.filter((o) => o.group === "common")]) {
    groups.set(o.group, [...(groups.get(o.group) || []), o]);
  }
  for (const [group, operations] of groups) {
    byId("contents").append(element("h3", group));
    byId("operations").append(element("h2", group));
    for (const operation of operations) {
      const link = element("a");
      link.href = "#" + operation.name;
      link.append(element("b", operation.method, operation.method), operation.name);
      link.addEventListener("click", () => { byId(operation.name).open = true; });
      byId("contents").append(link);
      byId("operations").append(card(operation));
    }
  }
}

function filter() {
  const wanted = byId("filter").value.toLowerCase();
  for (const operation of data.operations) {
    const hit = [operation.name, operation.path, operation.method, operation.summary].join(" ").toLowerCase().includes(wanted);
    byId(operation.name).hidden = !hit;
    document.querySelector('#contents a[href="#' + operation.name + '"]').hidden = !hit;
  }
}

// Logs in over the service's own route, where it has one; elsewhere a token is pasted.
async function enter(operation, body) {
  const told = byId("loginAnswer");
  try {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(operation.path, init);
    const answer = await response.json();
    if (!response.ok) { told.textContent = answer.detail || "refused (" + response.status + ")"; return; }
    keepToken(response.headers.get(KEY) || answer.accessToken || "");
    told.textContent = "Logged in as " + (answer.fullname || answer.email || answer.userId) + ".";
  } catch (error) {
    told.textContent = "no answer: " + error;
  }
}

function entrance() {
  const login = data.operations.find((o) => o.method === "POST" && o.path.endsWith("/login"));
  const guest = data.operations.find((o) => o.method === "POST" && o.path.endsWith("/registerguest"));
  byId("login").hidden = !login;
  byId("guest").hidden = !guest;
  byId("login").addEventListener("submit", (event) => {
    event.preventDefault();
    enter(login, Object.fromEntries(new FormData(event.target)));
  });
  byId("guest").addEventListener("click", () => enter(guest, {}));
  byId("forget").addEventListener("click", () => keepToken(""));
  byId("token").addEventListener("change", () => keepToken(token()));
  keepToken(sessionStorage.getItem(KEY) || "");
}

list();
entrance();
byId("filter").addEventListener("input", filter);
if (location.hash.length > 1 && byId(location.hash.slice(1))) byId(location.hash.slice(1)).open = true;
