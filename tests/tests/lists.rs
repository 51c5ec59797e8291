//! Every list of the command API: the contract's parameters (1.2), and its filters compared with the whole list.

use std::collections::BTreeMap;

use command_api::http::query::Filter;
use command_api::http::rows::{Action, Row, full_paths};
use command_api::routes::ROWS;
use event_schema::object::Kind;
use serde_json::{Value, json};
use wechess_tests::{Actor, Answer, App, System, alone, story};

fn lists() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| row.action == Action::List)
}

/// At least two objects of each kind; an admin, who sees all.
async fn populated(system: &System) -> Actor {
    let (ann, bob, admin) = (system.user("annabel").await, system.user("bob").await, system.admin().await);
    for (white, black, kind) in [(&ann, &bob, "blitz"), (&bob, &ann, "rapid"), (&ann, &bob, "untimed")] {
        let game = white.create_game_from(black, json!({"gameType": kind})).await;
        game.play("e4 e5").await;
        for (message, content) in [("text", json!({"body": "good luck"})), ("drawOffer", json!({"body": "a draw?"}))] {
            let said = json!({"roomId": game.id, "messageType": message, "content": content});
            white.post("/gameplay-api/v1/gameHub-messages", &said).await.is(201);
        }
        if kind == "rapid" {
            black.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
        }
    }
    let private = ann.open_game("private").await;
    for recipient in [&bob, &admin] {
        let invitation = json!({"gameId": private["id"], "recipientId": recipient.id});
        ann.post("/gameplay-api/v1/gameinvitation", &invitation).await.is(201);
    }
    for (who, published, category) in [(&ann, true, "endgame"), (&ann, false, "puzzle"), (&bob, true, "puzzle")] {
        let board = json!({"name": "x", "fen": "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "isPublished": published, "category": category});
        who.post("/gameplay-api/v1/customboards", &board).await.is(201);
        let theme = json!({"name": "Night", "lightSquare": "#fff", "darkSquare": "#202040"});
        who.post("/gameplay-api/v1/boardthemes", &theme).await.is(201);
    }
    for who in [&ann, &bob] {
        who.post("/gameplay-api/v1/userpreferences", &json!({"soundEnabled": false})).await.is(201);
    }
    admin
}

#[test]
fn the_last_made_comes_first_whatever_its_key() {
    story(async |app: App| {
        let (ann, boards) = (app.user("ann").await, "/gameplay-api/v1/customboards");
        let board = |name: &str| json!({"name": name, "fen": "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "isPublished": false, "category": "custom"});
        let mut names: Vec<String> = (1..=8).map(|number| format!("board {number}")).collect();
        for name in &names {
            // Such a key tells no time, and neither does the id that is made from it.
            ann.request("POST", boards).key(name).json(&board(name)).send().await.is(201);
        }
        ann.post(boards, &board("without a key")).await.is(201);
        names.push("without a key".to_owned());
        names.reverse();
        let mut paged = Vec::new();
        for page in 1..=3 {
            let answer = ann.get(&format!("{boards}?createdById={}&pageRowCount=3&pageNumber={page}", ann.id)).await;
            assert_eq!(answer.body["paging"]["pageCount"], 3);
            paged.extend(objects(&answer).iter().map(|board| board["name"].as_str().unwrap_or_default().to_owned()));
        }
        assert_eq!(paged, names);
        let all = ann.get(&format!("{boards}?createdById={}&pageNumber=0", ann.id)).await;
        assert_eq!((objects(&all).len(), &all.body["paging"]["pageCount"]), (9, &json!(1)));
    });
}

fn ids(objects: &[Value]) -> Vec<&str> {
    objects.iter().filter_map(|object| object["id"].as_str()).collect()
}

fn objects(answer: &Answer) -> Vec<Value> {
    answer.data().as_array().expect("a list").clone()
}

/// A value of a field as somebody asks for it: a part of a text, another case where that is allowed.
fn asked(kind: Kind, value: &Value) -> Option<String> {
    let part = |text: &str| {
        let letters: Vec<char> = text.chars().collect();
        letters[letters.len() / 4..letters.len() - letters.len() / 4].iter().collect::<String>().to_uppercase()
    };
    match kind {
        Kind::Id => value.as_str().map(str::to_owned),
        Kind::Enum(_) => value.as_str().map(str::to_uppercase),
        Kind::String | Kind::Text | Kind::Date => value.as_str().map(part),
        Kind::Json => value["body"].as_str().map(part),
        Kind::Boolean | Kind::Integer | Kind::Double => Some(value.to_string()).filter(|_| !value.is_null()),
    }
}

/// Whether an object is one of those that are asked for with this value.
fn is_asked(filter: &Filter, object: &Value, asked: &str) -> bool {
    let value = &object[filter.name];
    if asked == "null" || value.is_null() {
        return asked == "null" && value.is_null();
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match filter.kind {
        Kind::String | Kind::Text | Kind::Date | Kind::Json => text.to_uppercase().contains(asked),
        Kind::Id | Kind::Enum(_) | Kind::Boolean | Kind::Integer | Kind::Double => text.eq_ignore_ascii_case(asked),
    }
}

fn encoded(values: &[&str], name: &str) -> String {
    let pair = |value: &&str| {
        format!(
            "{name}={}",
            value.replace('%', "%25").replace('&', "%26").replace('#', "%23").replace('+', "%2B").replace(' ', "%20")
        )
    };
    values.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// One value, several, none, and both: each finds what the whole list holds of it, in its order.
async fn filter_finds(admin: &Actor, path: &str, filter: &Filter, whole: &[Value]) -> usize {
    let mut there: Vec<String> = whole.iter().filter_map(|object| asked(filter.kind, &object[filter.name])).collect();
    there.sort_unstable();
    there.dedup();
    let mut questions: Vec<Vec<&str>> = there.iter().map(|value| vec![value.as_str()]).collect();
    questions.push(vec!["null"]);
    if let [first, .., last] = &there[..] {
        questions.extend([vec![first.as_str(), last.as_str()], vec![first.as_str(), "null"]]);
    }
    for values in &questions {
        let answer = admin.get(&format!("{path}?pageNumber=0&{}", encoded(values, filter.name))).await;
        let expected = whole.iter().filter(|object| values.iter().any(|value| is_asked(filter, object, value)));
        let expected: Vec<Value> = expected.cloned().collect();
        assert_eq!(ids(&objects(&answer)), ids(&expected), "{}", answer.what);
    }
    questions.len()
}

#[test]
fn every_filter_of_every_list_finds_what_the_grammar_says() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let admin = populated(&system).await;
        let mut questions = BTreeMap::new();
        for row in lists() {
            for path in full_paths(row) {
                let whole = objects(&admin.get(&format!("{path}?pageNumber=0")).await);
                assert!(whole.len() >= 2, "{path} lists {}", whole.len());
                for filter in row.filters {
                    let asked = filter_finds(&admin, &path, filter, &whole).await;
                    *questions.entry(row.name).or_insert(0) += asked;
                }
                let second = admin.get(&format!("{path}?pageNumber=2&pageRowCount=1")).await;
                assert_eq!(ids(&objects(&second)), ids(&whole[1..2]), "{path}");
                let all = whole.len();
                let paging = json!({"pageNumber": 2, "pageRowCount": 1, "totalRowCount": all, "pageCount": all});
                assert_eq!(second.body["paging"], paging, "{path}");
                let behind = admin.get(&format!("{path}?pageNumber=20&pageRowCount=500")).await;
                assert_eq!((behind.data(), &behind.body["rowCount"]), (&json!([]), &json!(0)));
            }
        }
        wechess_tests::say(&format!("questions to lists: {questions:?}"));
        system.end().await;
    });
}

#[test]
fn every_list_takes_the_common_parameters_and_names_each_wrong_one() {
    story(async |app: App| {
        let ann = app.guest().await;
        for row in lists() {
            for path in full_paths(row) {
                let right =
                    "getJoins=false&excludeCQRS=true&caching=false&cacheTTL=5&requestId=abc123&pageRowCount=500";
                let answer = ann.get(&format!("{path}?{right}")).await;
                assert_eq!(answer.is(200)["requestId"], "abc123", "{path}");
                let mut wrong = "colour=red&getJoins=maybe&excludeCQRS=1&caching=no&cacheTTL=soon".to_owned();
                let mut pointers = vec!["colour", "getJoins", "excludeCQRS", "caching", "cacheTTL"];
                for filter in row.filters {
                    if matches!(filter.kind, Kind::Id | Kind::Enum(_) | Kind::Boolean) {
                        wrong += &format!("&{}=something", filter.name);
                        pointers.push(filter.name);
                    }
                }
                pointers.extend(["pageNumber", "pageRowCount"]);
                let answer = ann.get(&format!("{path}?{wrong}&pageNumber=-1&pageRowCount=501")).await;
                let faults = answer.faults();
                let told: Vec<&str> = faults.iter().filter_map(|fault| fault.split(' ').next()).collect();
                assert_eq!(told, pointers, "{path}");
            }
        }
    });
}

#[test]
fn without_joins_a_game_is_the_game_alone() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let game = ann.create_game(&bob).await;
        game.play("e4 e5").await;
        let path = format!("/gameplay-api/v1/game/{}", game.id);
        let whole = ann.get(&path).await.data().clone();
        let alone = ann.get(&format!("{path}?getJoins=false")).await.data().clone();
        assert_eq!((whole["moves"].as_array().map(Vec::len), whole["eco"].is_string()), (Some(2), true));
        let mut without = whole.as_object().expect("an object").clone();
        without.retain(|name, _| !["moves", "opening", "eco"].contains(&name.as_str()));
        assert_eq!(alone, Value::Object(without));
        assert_eq!(ann.get(&format!("{path}?getJoins=true&excludeCQRS=true")).await.data(), &whole);
    });
}
