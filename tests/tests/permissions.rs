//! Every gameplay route, tried by everybody: the statuses of the table, and answers in the contract's form.

mod documented;
mod stage;
mod table;

use command_api::gameplay::PREFIX;
use command_api::http::listing::documents;
use command_api::http::rows::{Action, Answer as Shown, Row, full_paths};
use command_api::routes::ROWS;
use event_schema::object::{Kind, Object};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use wechess_tests::{Actor, Answer, System, alone, say};

use stage::{Cast, EVERYBODY, Stage, Who};
use table::{Case, Expect};

/// The rows of the gameplay service.
fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| row.prefixes.iter().all(|prefix| prefix.starts_with(PREFIX)))
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn every_documented_route_is_served_and_every_served_one_has_cases() {
    let cases = table::cases();
    for row in rows() {
        assert!(cases.iter().any(|case| case.route == row.name), "`{}` has no case in table.rs", row.name);
    }
    for case in &cases {
        assert!(rows().any(|row| row.name == case.route), "`{}` is no route", case.route);
    }
    for (name, method, path, status, data_name, action) in documented::ROUTES {
        let served = rows().find(|row| row.name == name);
        assert_eq!(served.is_none(), documented::MISSING.contains(&name), "`{name}` is missing, or is not any more");
        let Some(row) = served else { continue };
        let is = (row.method, row.status, row.data_name(), row.action.as_str());
        assert_eq!(is, (method, status, data_name, action), "{name}");
        let path = format!("{PREFIX}{path}");
        assert!(full_paths(row).any(|is| is == path), "{name} is not served at {path}");
    }
}

#[test]
fn everybody_may_do_what_the_table_says_and_nothing_else() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let cast = Cast::of(&system).await;
        let (mut tries, mut wrong) = (0, Vec::new());
        for case in table::cases() {
            let all =
                EVERYBODY.into_iter().zip(case.expected).map(|(who, expected)| attempt(&case, &cast, who, expected));
            tries += EVERYBODY.len();
            wrong.extend(join_all(all).await.into_iter().flatten());
        }
        say(&format!("{tries} tries of routes"));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        system.end().await;
    });
}

/// One try on an object of its own; what came to another end than the table says.
async fn attempt(case: &Case, cast: &Cast, who: Who, expected: Expect) -> Option<String> {
    let row = rows().find(|row| row.name == case.route).expect("a route");
    let stage = case.scene.set(cast).await;
    let answer = send(row, case, &stage, who).await;
    let (found, route, told) = (came_to(row, &answer, &stage, cast.get(who)), case.route, case.told);
    (found != expected).then(|| format!("{route} ({told}) by {who:?}: {found:?}, not {expected:?}: {}", answer.text))
}

/// The columns take turns with the paths, where a route has several.
async fn send(row: &Row, case: &Case, stage: &Stage<'_>, who: Who) -> Answer {
    let paths: Vec<String> = full_paths(row).collect();
    let path = &paths[who as usize % paths.len()];
    let path = path.split('/').map(|part| if part.starts_with('{') { stage.id.as_str() } else { part });
    let path = format!("{}{}", path.collect::<Vec<_>>().join("/"), (case.query)(stage));
    let actor = stage.cast.get(who);
    let request = actor.request(row.method, &path);
    let body = (case.body)(stage, actor);
    if body.is_null() { request.send().await } else { request.json(&body).send().await }
}

/// What the answer is, its form checked.
fn came_to(row: &Row, answer: &Answer, stage: &Stage<'_>, actor: &Actor) -> Expect {
    let told = documents(row, answer.status);
    assert!(told, "the documents know no {} of `{}`: {}", answer.status, row.name, answer.text);
    if answer.status != row.status {
        answer.refused(answer.status, answer.body["message"].as_str().unwrap_or_default());
        return Expect::Refused(answer.status);
    }
    let Shown::Object(table) = row.answer else { return Expect::Success };
    in_envelope(row, answer, actor);
    let data = answer.data();
    match row.action {
        Action::List => {
            let all = data.as_array().expect("a list");
            all.iter().for_each(|one| as_documented(table, one));
            let there =
                all.iter().any(|one| ["id", "gameId", "roomId"].iter().any(|name| one[name] == stage.id.as_str()));
            if there { Expect::Sees } else { Expect::Misses }
        }
        Action::Get | Action::Create | Action::Update | Action::Delete | Action::Raw => {
            as_documented(table, data);
            assert_eq!(data["isActive"], row.action != Action::Delete && !stage.deleted, "{}", answer.text);
            Expect::Success
        }
    }
}

/// The envelope of contract 1.2: its keys in order, and what they say.
fn in_envelope(row: &Row, answer: &Answer, actor: &Actor) {
    let body = answer.body.as_object().expect("an object");
    let mut keys = words(documented::ENVELOPE);
    keys.push(row.data_name());
    let list = answer.body[row.data_name()].as_array();
    if list.is_some() {
        keys.extend(words(documented::OF_LISTS));
        let paging = answer.body["paging"].as_object().expect("paging");
        assert!(paging.keys().eq(["pageNumber", "pageRowCount", "totalRowCount", "pageCount"]), "{}", answer.text);
    }
    let rows = list.map_or(1, Vec::len);
    assert!(body.keys().eq(keys.iter()), "{} is not {keys:?}", answer.text);
    for (key, value) in [
        ("status", json!("OK")),
        ("statusCode", json!(row.status)),
        ("source", json!("db")),
        ("userId", json!(actor.id)),
        ("dataName", json!(row.data_name())),
        ("method", json!(row.method)),
        ("action", json!(row.action.as_str())),
        ("rowCount", json!(rows)),
    ] {
        assert_eq!(body[key], value, "`{key}` in {}", answer.text);
    }
}

/// The object's keys begin as the contract's sample, and each enum has its number beside it.
fn as_documented(table: &Object, shown: &Value) {
    let shown: &Map<String, Value> = shown.as_object().expect("an object");
    let sample = documented::OBJECTS.iter().find(|(name, _)| *name == table.name);
    let (_, sample) = sample.unwrap_or_else(|| panic!("`{}` has no sample in documented.rs", table.name));
    let keys = words(sample);
    assert!(shown.keys().take(keys.len()).eq(keys.iter()), "{} does not begin with {keys:?}", json!(shown));
    for field in table.all_fields() {
        let Kind::Enum(options) = field.kind else { continue };
        let number = shown[field.name].as_str().map(|word| options.iter().position(|option| *option == word));
        assert_eq!(shown[&format!("{}_idx", field.name)], json!(number.flatten()), "`{}`", field.name);
    }
}
