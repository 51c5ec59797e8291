//! What the query service answers is what its documents say: generated questions, worked out again in memory.

mod long;

use event_schema::auth::user::Role;
use futures_util::{StreamExt, stream};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use wechess_tests::chess::Game;
use wechess_tests::oracle::{Documents, Query, queries};
use wechess_tests::{Actor, Answer, System, alone, say};

use crate::import::import;

const SHIPPED: &str = include_str!("../../data/lichess-2025-05-games.pgn");
/// So many of the shipped games: some dimensions repeat, all documents are read within a second.
const GAMES: usize = 90;
/// Questions that are asked at the same time.
const SIDE_BY_SIDE: usize = 4;
/// The views that are asked.
const VIEWS: &[&str] = &["chessGameListView", "customBoard", "chessGame", "user"];
/// Names that differ in case, script and length, and that mean something to patterns.
const NAMES: &[&str] = &[
    "Zug",
    "zug",
    "ZUGZWANG",
    "Zugzwang",
    "Äpfel",
    "äpfel",
    "ÄPFEL",
    "Жук",
    "жук",
    "日本",
    "a*b?c\\d",
    "say \"mate\"",
    "null",
    "$me",
    "ß",
    "x",
    "endgame 1",
    "endgame 2",
    "endgame 10",
    "Straße",
];
const CATEGORIES: [&str; 3] = ["endgame", "puzzle", "custom"];
const FENS: &[&str] = &["8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "8/8/8/4k3/8/4K3/4Q3/8 w - - 0 1"];

/// A system with games played here and elsewhere, boards, and users: its admin, Ann, and Bob.
async fn filled() -> (System, [Actor; 3]) {
    let system = System::with_namespace(VIEWS).await;
    let (admin, ann, bob) = (system.admin().await, system.user("ann").await, system.user("bob").await);
    let games: Vec<&str> = SHIPPED.split("[Event ").skip(1).take(GAMES).collect();
    for part in games.chunks(30) {
        let text: String = part.iter().map(|game| format!("[Event {game}")).collect();
        assert_eq!(import(&admin, &text).await.is(200)["imported"], 30);
    }
    for (number, moves) in ["e4 c5", "d4", "f3 e5 g4 Qh4#", "e4 e5 Nf3", ""].iter().enumerate() {
        let (white, black) = if number % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        let game = white.create_game(black).await;
        if !moves.is_empty() {
            game.play(moves).await;
        }
    }
    for (number, name) in NAMES.iter().enumerate() {
        let owner = if number % 3 == 0 { &bob } else { &ann };
        let description = if number % 4 == 0 { Value::Null } else { json!(NAMES[(number * 7) % NAMES.len()]) };
        let board = json!({"name": name, "fen": FENS[number % 2], "isPublished": number % 2 == 0,
            "category": CATEGORIES[number % 3], "description": description});
        owner.post("/gameplay-api/v1/customboards", &board).await.is(201);
    }
    system.all_settled().await;
    (system, [admin, ann, bob])
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Asks for a page, by number or by cursor.
async fn page(who: &Actor, view: &str, query: &Query, place: (&str, Value)) -> Answer {
    let path = format!("/bff-api/{view}/list");
    let mut body = query.body();
    body[place.0] = place.1;
    if query.post {
        return who.view("POST", &path).json(&body).answered().await;
    }
    let written = |value: &Value| match value {
        Value::String(text) => encoded(text),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => encoded(&value.to_string()),
    };
    let params = body.as_object().expect("a body").iter().map(|(name, value)| format!("{name}={}", written(value)));
    who.view("GET", &format!("{path}?{}", params.collect::<Vec<_>>().join("&"))).answered().await
}

#[track_caller]
fn is_part(answer: &Answer, expected: &[String], from: usize, query: &Query) -> usize {
    let items = answer.is(200)["items"].as_array().expect("items");
    let ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().expect("an id")).collect();
    let wanted: Vec<&str> = expected.iter().skip(from).take(query.limit).map(String::as_str).collect();
    assert_eq!(ids, wanted, "rows from {from} of {query:?}");
    assert_eq!(answer.body["total"], expected.len(), "{query:?}");
    ids.len()
}

/// Everything that a question is answered is what the documents say.
async fn check(who: &Actor, documents: &Documents, query: &Query) {
    let view = documents.view.table.name;
    let (expected, facets) = (documents.ordered(query), json!(documents.facets(query)));
    let numbered = page(who, view, query, ("page", json!(query.page))).await;
    is_part(&numbered, &expected, (query.page - 1) * query.limit, query);
    assert_eq!(numbered.body["totalPage"], expected.len().div_ceil(query.limit), "{query:?}");
    assert_eq!(numbered.body["filters"], facets, "facets of {query:?}");
    let counted = who.view("POST", &format!("/bff-api/{view}/count")).json(&query.filtered()).answered().await;
    assert_eq!(counted.is(200)["total"], expected.len(), "{query:?}");

    let mut answer = if query.page == 1 { numbered } else { page(who, view, query, ("page", json!(1))).await };
    let mut from = 0;
    let mut seen = is_part(&answer, &expected, from, query);
    for _ in 0..3 {
        let Some(next) = answer.body["nextCursor"].as_str() else { break };
        answer = page(who, view, query, ("cursor", json!(next))).await;
        from += seen;
        seen = is_part(&answer, &expected, from, query);
    }
    assert_eq!(answer.body["nextCursor"].is_null(), from + seen == expected.len(), "{query:?}");
    while let Some(previous) = answer.body["prevCursor"].as_str() {
        answer = page(who, view, query, ("cursor", json!(previous))).await;
        assert!(from > 0, "there is nothing before the first row of {query:?}");
        from -= query.limit;
        is_part(&answer, &expected, from, query);
        assert_eq!(answer.body["filters"], facets, "facets of {query:?}");
    }
    assert_eq!(from, 0, "{query:?}");
}

/// What questions found.
#[derive(Default)]
struct Tally {
    /// How many found something.
    found: usize,
    /// How many of those by words.
    said: usize,
}

/// So many questions to each of these views, several side by side; for each that is answered somebody else does something.
async fn ask(
    who: &Actor,
    role: Role,
    (views, each): (&[&str], usize),
    noise: &mut Noise,
    runner: &mut TestRunner,
) -> Tally {
    let mut tally = Tally::default();
    for view in views {
        let documents = Documents::of(who, role, view).await;
        assert!(documents.items.len() > 2, "{view}");
        let strategy = queries(&documents);
        let questions: Vec<Query> =
            (0..each).map(|_| strategy.new_tree(runner).expect("a question").current()).collect();
        let answered = Semaphore::new(0);
        let (documents, permits) = (&documents, &answered);
        let asked = stream::iter(&questions).for_each_concurrent(SIDE_BY_SIDE, |query| async move {
            check(who, documents, query).await;
            permits.add_permits(1);
        });
        let disturbed = async {
            for _ in &questions {
                answered.acquire().await.expect("it stays open").forget();
                noise.step().await;
            }
        };
        tokio::join!(asked, disturbed);
        for query in &questions {
            let found = !documents.fitting(&query.filters, query.q.as_deref()).is_empty();
            let said = query.q.is_some() || query.filters.to_string().contains("\"match");
            tally.found += usize::from(found);
            tally.said += usize::from(found && said);
        }
    }
    tally
}

/// Two who play with each other, and keep boards to themselves.
struct Noise {
    players: [Actor; 2],
    game: Option<Game>,
    done: u32,
}

impl Noise {
    async fn step(&mut self) {
        const MOVES: [&str; 4] = ["Nf3", "Nf6", "Ng1", "Ng8"];
        let (place, [white, black]) = (self.done % 8, &self.players);
        self.done += 1;
        match &self.game {
            Some(game) if place > 1 => {
                let mover = if place.is_multiple_of(2) { white } else { black };
                mover.play(&game.id, place - 1, MOVES[(place as usize - 2) % 4]).await.is(201);
            }
            Some(_) if place == 1 => {
                let name = format!("hidden {}", self.done);
                let board = json!({"name": name, "fen": FENS[0], "isPublished": false, "category": "custom"});
                white.post("/gameplay-api/v1/customboards", &board).await.is(201);
            }
            Some(_) | None => self.game = Some(white.create_game(black).await),
        }
    }
}

/// A quarter of the questions to users as the admin, the others as Ann to three views; all while others play.
async fn prove(questions: usize, runner: &mut TestRunner) {
    let (system, [admin, ann, bob]) = filled().await;
    let players = [bob, system.user("eve").await];
    system.all_settled().await;
    let mut noise = Noise { players, game: None, done: 0 };
    // The admin sees what the noise makes, so he asks of what it leaves alone.
    let of_admin = (&["user"][..], questions / 4);
    let his = ask(&admin, Role::SuperAdmin, of_admin, &mut noise, runner).await;
    let hers = ask(&ann, Role::User, (&VIEWS[..3], questions / 4), &mut noise, runner).await;
    let (found, said) = (his.found + hers.found, his.said + hers.said);
    say(&format!("{found} of {questions} generated questions found something, {said} of them by words"));
    assert!(found > questions / 4, "the questions find too little: {found} of {questions}");
    assert!(his.said > 0 && said > questions / 20, "the questions find too little by words: {said} of {questions}");
    system.nothing_is_parked().await;
    system.end().await;
}

#[test]
fn generated_questions_are_answered_as_the_documents_say() {
    alone(async || prove(200, &mut TestRunner::deterministic()).await);
}
