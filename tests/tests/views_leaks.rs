//! Non-interference: what somebody may not see changes nothing in what he is answered, whatever he asks.

mod long;

use event_schema::auth::user::Role;
use futures_util::{StreamExt, stream};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use wechess_tests::actor::PASSWORD;
use wechess_tests::oracle::{Documents, Query, groupings, queries};
use wechess_tests::{Actor, System, alone, eventually, say};

/// Views of which Ann sees a part, each in another way.
const VIEWS: &[&str] = &[
    "user",
    "chessGame",
    "chessGameMove",
    "chessGameListView",
    "playerGameView",
    "chessGameInvitation",
    "customBoard",
    "boardTheme",
    "userPreference",
    "gameHubMessage",
    "savedFilter",
];
/// Questions that are asked at the same time.
const SIDE_BY_SIDE: usize = 4;
const FEN: &str = "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1";

/// Everything that somebody does who is not Ann and has nothing to do with her.
async fn lives(who: &Actor, other: &Actor, word: &str) {
    let game = who.create_game(other).await;
    game.play("e4 c5 Nf3").await;
    let message = json!({"roomId": game.id, "content": {"body": format!("{word} in the game")}});
    who.post("/gameplay-api/v1/gameHub-messages", &message).await.is(201);
    let ended = other.create_game(who).await;
    ended.play("f3 e5 g4 Qh4#").await;
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

/// What is asked of a view, and where it goes on.
struct Asked {
    view: &'static str,
    list: Query,
    aggregate: Value,
    exported: bool,
    /// Where the second pages of the list and of the aggregate begin; null without one.
    cursors: [Value; 2],
}

impl Asked {
    fn paths(&self) -> [String; 3] {
        ["list", "count", "aggregate"].map(|route| format!("/bff-api/{}/{route}", self.view))
    }

    /// Asks for the first pages, which say where the second ones begin.
    async fn begin(mut self, who: &Actor) -> Self {
        let [list, _, aggregate] = self.paths();
        let bodies = [(list, self.list.body()), (aggregate, self.aggregate.clone())];
        for (cursor, (path, body)) in self.cursors.iter_mut().zip(bodies) {
            *cursor = who.view("POST", &path).json(&body).send().await.is(200)["nextCursor"].clone();
        }
        self
    }

    /// What is answered, as far as it may not change: without the tokens, which hold the time of the question.
    async fn answers(&self, who: &Actor) -> Vec<Value> {
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
            let mut answer = who.view("POST", path).json(&body).send().await.is(200).clone();
            for token in ["nextCursor", "prevCursor"] {
                if let Some(token) = answer.get_mut(token) {
                    *token = json!(token.is_string());
                }
            }
            answers.push(answer);
        }
        if self.exported {
            answers.push(self.export(who).await);
        }
        answers
    }

    /// The rows of an export in the order of their ids, and how many were promised.
    async fn export(&self, who: &Actor) -> Value {
        let path = format!("/bff-api/{}/export", self.view);
        let answer = eventually("there is a place for an export", async || {
            let answer = who.view("POST", &path).json(&self.list.filtered()).send().await;
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
/// Ann's own. Every third one is exported as well.
async fn questions(ann: &Actor, admin: &Actor, each: usize, runner: &mut TestRunner) -> Vec<Asked> {
    let mut all = Vec::new();
    for view in VIEWS {
        let whole = if *view == "savedFilter" { ann } else { admin };
        let documents = Documents::of(whole, Role::User, view).await;
        let strategy = (queries(&documents), groupings(&documents));
        for number in 0..each {
            let (list, aggregate) = strategy.new_tree(runner).expect("a question").current();
            let exported = number.is_multiple_of(3);
            all.push(Asked { view, list, aggregate, exported, cursors: [Value::Null, Value::Null] });
        }
    }
    all
}

/// Asks before and after others did what Ann may not see.
async fn prove(each: usize, runner: &mut TestRunner) {
    let system = System::with_namespace(VIEWS).await;
    let (admin, ann) = (system.admin().await, system.user("ann").await);
    let (bob, carl) = (system.user("bob").await, system.user("carl").await);
    for name in ["e4 c5", "d4", "f3 e5 g4 Qh4#"] {
        ann.create_game(&bob).await.play(name).await;
    }
    tokio::join!(lives(&ann, &bob, "ann"), lives(&bob, &carl, "hidden"));
    system.all_settled().await;

    let asked = questions(&ann, &admin, each, runner).await;
    let who = &ann;
    let before = stream::iter(asked).map(|asked| async move {
        let asked = asked.begin(who).await;
        let answers = asked.answers(who).await;
        (asked, answers)
    });
    let asked: Vec<(Asked, Vec<Value>)> = before.buffered(SIDE_BY_SIDE).collect().await;
    let dora = system.user("dora").await;
    tokio::join!(lives(&bob, &carl, "changed"), lives(&carl, &bob, "more"), lives(&dora, &carl, "dora"));
    bob.create_game(&dora).await.play("e4").await;
    system.all_settled().await;

    let codes: Vec<String> = hidden_codes(&bob).await;
    assert!(!codes.is_empty());
    let secrets: Vec<&str> = [PASSWORD, &bob.email, &carl.email, &dora.email, "password", "hidden ", "changed "]
        .into_iter()
        .chain(codes.iter().map(String::as_str))
        .collect();
    let after = stream::iter(&asked).map(|(asked, _)| asked.answers(who)).buffered(SIDE_BY_SIDE);
    let after: Vec<Vec<Value>> = after.collect().await;
    let mut told = 0;
    for ((asked, before), after) in asked.iter().zip(&after) {
        let text = json!(after).to_string();
        let what = format!("{}: {:?}, {}", asked.view, asked.list, asked.aggregate);
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in the answer of {what}: {text}");
        }
        assert_eq!(after, before, "{what}");
        told += usize::from(after[0]["total"] != 0);
    }
    say(&format!("{told} of {} generated questions found something, before and after the same", asked.len()));
    assert!(told > asked.len() / 4, "{told} of {} say little", asked.len());
    system.nothing_is_parked().await;
    system.end().await;
}

#[test]
fn what_is_hidden_changes_no_answer() {
    alone(async || prove(8, &mut TestRunner::deterministic()).await);
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
