//! Non-interference: what somebody may not see changes nothing in what he is answered, whatever he asks.

mod long;

use event_schema::auth::user::Role;
use event_schema::object::Kind;
use futures_util::{StreamExt, stream};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use query_bff::view::{self, Column};
use serde_json::{Map, Value, json};
use wechess_tests::actor::PASSWORD;
use wechess_tests::direct::overwrite;
use wechess_tests::oracle::{Documents, Query, groupings, queries};
use wechess_tests::{Actor, System, alone, eventually, say};

/// Views of which Ann sees a part, each in another way, and those of which she sees parts of documents.
const VIEWS: &[&str] = &[
    "user",
    "chessGame",
    "chessGameMove",
    "chessGameListView",
    "chessGameDetailView",
    "playerGameView",
    "playerProfileView",
    "chessGameInvitation",
    "invitationNotificationView",
    "gameTerminatedNotificationView",
    "customBoard",
    "boardTheme",
    "userPreference",
    "gameHubMessage",
    "savedFilter",
];
/// Questions that are asked at the same time.
const SIDE_BY_SIDE: usize = 4;
/// Everybody sees all of these documents, but not all of each: nobody may come or get another name between.
const SEEN_BY_ALL: &str = "playerProfileView";
/// What stands in withheld fields once they have changed.
const WITHHELD: &str = "withheld-xyzzy";
const FEN: &str = "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1";

/// Everything that somebody does who is not Ann and has nothing to do with her; and what an admin does to him.
async fn lives(who: &Actor, other: &Actor, admin: &Actor, word: &str) {
    let game = who.create_game(other).await;
    game.play("e4 c5 Nf3").await;
    let message = json!({"roomId": game.id, "content": {"body": format!("{word} in the game")}});
    who.post("/gameplay-api/v1/gameHub-messages", &message).await.is(201);
    let ended = other.create_game(who).await;
    ended.play("f3 e5 g4 Qh4#").await;
    let reported = who.create_game(other).await;
    let end = json!({"status": "terminated", "terminatedById": admin.id});
    admin.update_game(&reported.id, end).await.is(200);
    let private = who.open_game("private").await;
    let invitation = json!({"gameId": private["id"], "recipientId": other.id});
    who.post("/gameplay-api/v1/gameinvitation", &invitation).await.is(201);
    let board = json!({"name": format!("{word} board"), "fen": FEN, "isPublished": false, "category": "puzzle"});
    who.post("/gameplay-api/v1/customboards", &board).await.is(201);
    let theme = json!({"name": format!("{word} theme"), "lightSquare": "#ffffff", "darkSquare": "#123456"});
    who.post("/gameplay-api/v1/boardthemes", &theme).await.is(201);
    let filter = json!({"filterName": format!("{word} filter"), "conditions": {"status": "active"}});
    who.view("POST", "/bff-api/chessGame/filters").json(&filter).send().await.is(201);
}

/// What is asked of a view by whom, and where it goes on.
struct Asked<'a> {
    who: &'a Actor,
    view: &'static str,
    list: Query,
    aggregate: Value,
    exported: bool,
    /// Where the second pages of the list and of the aggregate begin; null without one.
    cursors: [Value; 2],
}

impl Asked<'_> {
    fn paths(&self) -> [String; 3] {
        ["list", "count", "aggregate"].map(|route| format!("/bff-api/{}/{route}", self.view))
    }

    /// Asks for the first pages, which say where the second ones begin.
    async fn begin(mut self) -> Self {
        let [list, _, aggregate] = self.paths();
        let bodies = [(list, self.list.body()), (aggregate, self.aggregate.clone())];
        for (cursor, (path, body)) in self.cursors.iter_mut().zip(bodies) {
            *cursor = self.who.view("POST", &path).json(&body).answered().await.is(200)["nextCursor"].clone();
        }
        self
    }

    /// What is answered, as far as it may not change: without the tokens, which hold the time of the question.
    async fn answers(&self) -> Vec<Value> {
        let [list, count, aggregate] = self.paths();
        let mut bodies = vec![(&list, self.list.body()), (&count, self.list.filtered())];
        bodies.push((&aggregate, self.aggregate.clone()));
        for (path, mut body, cursor) in
            [(&list, self.list.body(), &self.cursors[0]), (&aggregate, self.aggregate.clone(), &self.cursors[1])]
        {
            if !cursor.is_null() {
                body["cursor"] = cursor.clone();
                bodies.push((path, body));
            }
        }
        let mut answers = Vec::new();
        for (path, body) in bodies {
            // Everything is settled: nothing is waited for.
            let mut answer = self.who.view("POST", path).json(&body).answered().await.is(200).clone();
            for token in ["nextCursor", "prevCursor"] {
                if let Some(token) = answer.get_mut(token) {
                    *token = json!(token.is_string());
                }
            }
            answers.push(answer);
        }
        if self.exported {
            answers.push(self.export().await);
        }
        answers
    }

    /// The rows of an export in the order of their ids, and how many were promised.
    async fn export(&self) -> Value {
        let path = format!("/bff-api/{}/export", self.view);
        let answer = eventually("there is a place for an export", async || {
            let answer = self.who.view("POST", &path).json(&self.list.filtered()).answered().await;
            (answer.status != 429).then_some(answer)
        })
        .await;
        answer.is(200);
        let mut rows: Vec<&str> = answer.text.lines().collect();
        rows.sort_unstable();
        json!([answer.header("x-total-count"), rows])
    }
}

/// So many questions of each kind to each view, made up from what the admin sees: they name hidden values as often as
/// the asker's own. Some are exported as well; some are Ann's and some the guest's.
async fn questions<'a>(
    [ann, guest]: [&'a Actor; 2],
    admin: &Actor,
    each: usize,
    runner: &mut TestRunner,
) -> Vec<Asked<'a>> {
    let mut all = Vec::new();
    for view in VIEWS {
        let whole = if *view == "savedFilter" { ann } else { admin };
        let documents = Documents::of(whole, Role::User, view).await;
        let strategy = (queries(&documents), groupings(&documents));
        for number in 0..each {
            let (list, aggregate) = strategy.new_tree(runner).expect("a question").current();
            let exported = number.is_multiple_of(3);
            let who = if number % 4 > 1 { guest } else { ann };
            all.push(Asked { who, view, list, aggregate, exported, cursors: [Value::Null, Value::Null] });
        }
    }
    all
}

/// Gives other values to all fields that users may not see, in every document of every view whose last event has been;
/// how many documents that were. No command could: it would change `updatedAt` as well, which they do see.
async fn change_what_is_withheld(system: &System) -> usize {
    let mut changed = 0;
    for view in VIEWS.iter().filter_map(|name| view::by_name(name)) {
        let seen: Vec<&Column> = view.columns_for(Role::User).collect();
        let withheld = view.columns_for(Role::SuperAdmin).filter(|column| !seen.contains(column));
        let new = |column: &Column| match column.kind {
            Kind::String | Kind::Text => json!(WITHHELD),
            Kind::Id => json!(uuid::Uuid::from_u128(7)),
            Kind::Enum(words) => json!(words.last()),
            Kind::Boolean => json!(true),
            Kind::Integer | Kind::Double => json!(2),
            Kind::Date => json!("2001-01-01T00:00:00.000Z"),
            Kind::Json => json!([{"invitationId": WITHHELD, "recipientId": WITHHELD}]),
        };
        let fields: Map<String, Value> = withheld.map(|column| (column.name.clone(), new(column))).collect();
        if fields.is_empty() {
            continue;
        }
        let games = view.column_for(Role::User, "status").is_ok();
        let still = if games { json!({"term": {"status": "completed"}}) } else { json!({"match_all": {}}) };
        let there = overwrite(system, view.table.name, &still, &Value::Object(fields)).await;
        assert!(there > 0, "{}", view.table.name);
        changed += there;
    }
    changed
}

/// The answers to all questions, a few at a time.
async fn all_answers<'a, 'b: 'a>(asked: impl Iterator<Item = &'a Asked<'b>>) -> Vec<Vec<Value>> {
    stream::iter(asked).map(Asked::answers).buffered(SIDE_BY_SIDE).collect().await
}

/// Asks before and after others did what Ann and the guest may not see.
async fn prove(each: usize, runner: &mut TestRunner) {
    let system = System::with_namespace(VIEWS).await;
    let (admin, ann, guest) = (system.admin().await, system.user("ann").await, system.guest().await);
    let (bob, carl) = (system.user("bob").await, system.user("carl").await);
    for (who, moves) in
        [(&ann, "e4 c5"), (&ann, "d4"), (&ann, "f3 e5 g4 Qh4#"), (&guest, "c4"), (&guest, "f3 e5 g4 Qh4#")]
    {
        who.create_game(&bob).await.play(moves).await;
    }
    tokio::join!(lives(&ann, &bob, &admin, "ann"), lives(&bob, &carl, &admin, "hidden"));
    system.all_settled().await;

    let asked = questions([&ann, &guest], &admin, each, runner).await;
    let asked: Vec<Asked<'_>> = stream::iter(asked).map(Asked::begin).buffered(SIDE_BY_SIDE).collect().await;
    // Those that everybody sees come first.
    let (profiles, others): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.view == SEEN_BY_ALL);
    let all = || profiles.iter().chain(&others);
    let before = all_answers(all()).await;
    assert!(change_what_is_withheld(&system).await > 0);
    tokio::join!(lives(&bob, &carl, &admin, "changed"), lives(&carl, &bob, &admin, "more"));
    system.all_settled().await;
    assert!(admin.count(SEEN_BY_ALL, &json!({"email": WITHHELD})).await > 3);
    let mut after = all_answers(profiles.iter()).await;
    let dora = system.user("dora").await;
    lives(&dora, &carl, &admin, "dora").await;
    bob.create_game(&dora).await.play("e4").await;
    system.all_settled().await;
    after.extend(all_answers(others.iter()).await);

    let codes: Vec<String> = hidden_codes(&bob).await;
    assert!(!codes.is_empty());
    let secrets: Vec<&str> =
        [PASSWORD, &bob.email, &carl.email, &dora.email, WITHHELD, "password", "hidden ", "changed "]
            .into_iter()
            .chain(codes.iter().map(String::as_str))
            .collect();
    let mut told = 0;
    for ((asked, before), after) in all().zip(&before).zip(&after) {
        let text = json!(after).to_string();
        let what = format!("{}, {}: {:?}, {}", asked.who.name, asked.view, asked.list, asked.aggregate);
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in the answer of {what}: {text}");
        }
        assert_eq!(after, before, "{what}");
        told += usize::from(after[0]["total"] != 0);
    }
    say(&format!("{told} of {} generated questions found something, before and after the same", after.len()));
    assert!(told > after.len() / 5, "{told} of {} say little", after.len());
    system.nothing_is_parked().await;
    system.end().await;
}

#[test]
fn what_is_hidden_changes_no_answer() {
    alone(async || prove(4, &mut TestRunner::deterministic()).await);
}

/// A beginning of a word stands for the words of the index that begin so, those of hidden documents among them: however
/// many these are, they push out none that somebody may see.
#[test]
fn hidden_words_push_out_none_that_are_seen() {
    alone(async || {
        let system = System::with_namespace(&["customBoard"]).await;
        let (ann, bob) = (system.user("ann").await, system.user("bob").await);
        let board = |text: String| json!({"name": "x", "description": text, "fen": FEN, "isPublished": false, "category": "puzzle"});
        ann.post("/gameplay-api/v1/customboards", &board("my zwischenzugz".into())).await.is(201);
        let words: Vec<String> = (0..80).map(|number| format!("zwischenzug{}", number + 100)).collect();
        for words in words.chunks(20) {
            let board = board(format!("my {}", words.join(" my ")));
            bob.post("/gameplay-api/v1/customboards", &board).await.is(201);
        }
        let begun = json!({"description": {"match_phrase_prefix": "my zwischenzug"}});
        assert_eq!((ann.count("customBoard", &begun).await, bob.count("customBoard", &begun).await), (1, 4));
        let q = ann.look("/bff-api/customBoard/count?q=my%20zwischenzug").await;
        assert_eq!(q.is(200)["total"], 1);
        system.end().await;
    });
}

/// The codes of somebody's private games.
async fn hidden_codes(who: &Actor) -> Vec<String> {
    let games = who.get("/gameplay-api/v1/games?mode=private").await;
    let all = games.data().as_array().expect("games");
    all.iter().filter_map(|game| game["invitationCode"].as_str().map(str::to_owned)).collect()
}
