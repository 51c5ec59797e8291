// The request of the page as text for other programs. The token never stands in it.

function pythonic(value, indent = "") {
  const deeper = indent + "    ";
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return "[" + value.map((item) => pythonic(item, deeper)).join(", ") + "]";
  if (typeof value === "object") {
    const entries = Object.entries(value).map(([key, item]) => deeper + JSON.stringify(key) + ": " + pythonic(item, deeper));
    return entries.length ? "{\n" + entries.join(",\n") + ",\n" + indent + "}" : "{}";
  }
  return JSON.stringify(value);
}

const WRITERS = {
  curl: (url, body) =>
    "curl -sS " + "'" + url + "' \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  -d '" +
    JSON.stringify(body).replaceAll("'", "'\\''") + "'",
  python: (url, body) => `import os
import pandas as pd
import requests

url = ${JSON.stringify(url)}
headers = {"Authorization": "Bearer " + os.environ["TOKEN"]}
body = ${pythonic(body)}
rows = []
while True:
    answer = requests.post(url, json=body, headers=headers)
    answer.raise_for_status()
    page = answer.json()
    rows += page["items"]
    if not page["nextCursor"]:
        break
    body["cursor"] = page["nextCursor"]
frame = pd.json_normalize(rows)
print(frame)
`,
  javascript: (url, body) => `const body = ${JSON.stringify(body, null, 2)};
const rows = [];
for (;;) {
  const answer = await fetch(${JSON.stringify(url)}, {
    method: "POST",
    headers: { "Authorization": "Bearer " + token, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const page = await answer.json();
  if (!answer.ok) throw new Error(page.detail);
  rows.push(...page.items);
  if (!page.nextCursor) break;
  body.cursor = page.nextCursor;
}
console.table(rows);
`,
};

/** The request in this language: curl, python or javascript. */
export function snippet(language, url, body) {
  return WRITERS[language](url, body);
}
