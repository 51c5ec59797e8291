//! Many at once.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use wechess_tests::chess::move_body;
use wechess_tests::{Actor, Answer, App, System, alone, story};

fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    answers.iter().fold(BTreeMap::new(), |mut all, answer| {
        *all.entry(answer.status).or_default() += 1;
        all
    })
}

/// Plays a move as a client does that follows the contract: after a 503 again, with the same key, when it is told to.
async fn insist(who: &Actor, game: &str, notation: &str) -> Answer {
    let (key, body) = (uuid::Uuid::now_v7().to_string(), move_body(game, 1, notation));
    for _ in 0..30 {
        let answer = who.request("POST", "/gameplay-api/v1/gamemove").key(&key).json(&body).send().await;
        let Some(seconds) = answer.header("retry-after").filter(|_| answer.status == 503) else { return answer };
        tokio::time::sleep(Duration::from_secs(seconds.parse().expect("seconds"))).await;
    }
    panic!("{} was told to come back 30 times", who.name)
}

/// All but one answer are the refusals that a lost race gives.
fn one_won(answers: &[Answer]) {
    assert_eq!(statuses(answers), BTreeMap::from([(201, 1), (409, answers.len() - 1)]));
    for lost in answers.iter().filter(|answer| answer.status == 409) {
        let code = lost.body["message"].as_str().unwrap_or_default();
        assert!(["errMsg_MoveNumberOutOfOrder", "errMsg_NotYourTurn"].contains(&code), "{}", lost.text);
    }
}

#[test]
fn a_hundred_clients_send_one_move_and_one_event_is_made() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let game = ann.create_game(&bob).await;
        let answers = join_all((0..100).map(|_| insist(&ann, &game.id, "e4"))).await;
        one_won(&answers);
        assert_eq!(app.events_of(&game.id).await, 2);
        let moves = ann.find("chessGameMove", &json!({"gameId": game.id})).await;
        assert_eq!(moves.len(), 1);
    });
}

#[test]
fn a_hundred_retries_of_one_move_are_all_answered_with_it() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let game = ann.create_game(&bob).await;
        let (key, body) = (uuid::Uuid::now_v7().to_string(), move_body(&game.id, 1, "e4"));
        let send = || ann.request("POST", "/gameplay-api/v1/gamemove").key(&key).json(&body).send();
        let answers = join_all((0..100).map(|_| send())).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(201, 100)]), "{:?}", answers.last().map(|a| &a.text));
        let ids: std::collections::BTreeSet<_> = answers.iter().map(|a| a.data()["id"].to_string()).collect();
        let replayed = answers.iter().filter(|a| a.header("idempotency-replayed").is_some()).count();
        assert_eq!((ids.len(), replayed), (1, 99));
        assert_eq!(app.events_of(&game.id).await, 2);
    });
}

#[test]
fn two_command_apis_on_one_database_are_one_system() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (other, server) = system.another_command_api().await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let game = ann.create_game(&bob).await;
        let (here, there) = (ann.clone(), ann.at(&other));
        let answers = join_all((0..100).map(|n| insist(if n % 2 == 0 { &here } else { &there }, &game.id, "e4"))).await;
        one_won(&answers);
        // Whoever was not told by his own process has a stale state in its cache: nobody is refused for that.
        for (number, notation) in [(2, "e5"), (3, "Nf3"), (4, "Nc6"), (5, "Bb5"), (6, "a6")] {
            let who = if number % 2 == 0 { &bob } else { &ann };
            who.at(if number % 3 == 0 { &other } else { &system.app }).play(&game.id, number, notation).await.is(201);
        }
        assert_eq!(system.events_of(&game.id).await, 7);
        let tail = system.number("select tail from {s}.log").await;
        let dense = "select count(*) from {s}.events where position between 1 and (select tail from {s}.log)";
        assert_eq!(system.number(dense).await, tail, "no hole");

        there.post("/auth-api/logout", &json!({})).await.is(200);
        wechess_tests::eventually("the other process hears of it", async || {
            (here.get("/auth-api/v1/users").await.status == 401).then_some(())
        })
        .await;
        server.stop().await;
        system.end().await;
    });
}

#[test]
fn one_of_many_joins_an_open_game() {
    story(async |app: App| {
        let ann = app.guest().await;
        let id = ann.open_game("public").await["id"].as_str().unwrap().to_owned();
        let guests = join_all((0..12).map(|_| app.guest())).await;
        let join = |who: &Actor| {
            let (who, id) = (who.clone(), id.clone());
            async move { who.update_game(&id, json!({"playerBlackId": who.id})).await }
        };
        let answers = join_all(guests.iter().map(join)).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{:?}", statuses(&answers));
        let black = ann.game(&id).await.data()["playerBlackId"].clone();
        assert_eq!(won[0].data()["playerBlackId"], black);
        for lost in answers.iter().filter(|answer| answer.status != 200) {
            assert!(matches!(lost.status, 403 | 409), "{}", lost.text);
        }
    });
}

mod long {
    use super::*;
    use wechess_tests::direct;

    /// More commands for one game than may wait for each other: the first one cannot be committed, so that the others stay,
    /// and who comes too much is sent away at once.
    #[test]
    fn a_crowd_that_is_too_large_for_one_game_is_told_to_come_back() {
        use futures_util::StreamExt;
        alone(async || {
            let system = System::with_namespace(&["user"]).await;
            let (ann, bob) = (system.guest().await, system.guest().await);
            let game = ann.create_game(&bob).await;
            let holder = direct::owner().await;
            let hold = format!("begin; select 1 from {}.log for update", system.namespace.schema());
            holder.batch_execute(&hold).await.expect("the log's row can be locked");
            let sent = (0..1500).map(|_| {
                let (ann, id) = (ann.clone(), game.id.clone());
                async move { ann.play(&id, 1, "e4").await }
            });
            let mut storm = std::pin::pin!(futures_util::stream::iter(sent).buffer_unordered(1500));
            let (begun, mut holder, mut answers) = (std::time::Instant::now(), Some(holder), Vec::new());
            while let Some(answer) = storm.next().await {
                if answer.text.contains("too many commands for this object")
                    && let Some(holder) = holder.take()
                {
                    assert!(begun.elapsed() < Duration::from_secs(8), "he was let in, and waited in vain");
                    holder.batch_execute("commit").await.expect("the lock is still held");
                }
                answers.push(answer);
            }
            assert!(holder.is_none(), "everybody was let in");
            let mut told = answers.iter().filter(|answer| answer.status == 503);
            assert!(told.all(|answer| answer.header("retry-after").is_some()));
            let mut statuses = statuses(&answers);
            assert!(statuses.remove(&201).unwrap_or(0) <= 1);
            statuses.remove(&409);
            statuses.remove(&503);
            assert!(statuses.is_empty(), "{statuses:?}");
            // The first one had been taken in, whoever still waited for its answer.
            assert_eq!(system.events_of(&game.id).await, 2);
            system.end().await;
        });
    }

    /// One client sends 10,000 commands for one game, a thousand at a time: each is answered as fits, and two others
    /// play their own game meanwhile as if nothing were.
    #[test]
    fn ten_thousand_commands_for_one_game_hurt_nobody_else() {
        use futures_util::StreamExt;
        alone(async || {
            let system = System::with_namespace(&["user"]).await;
            let (ann, bob) = (system.guest().await, system.guest().await);
            let (game, other) = (ann.create_game(&bob).await, bob.create_game(&ann).await);
            let storm = async {
                let sent = (0..10_000).map(|_| {
                    let (ann, id) = (ann.clone(), game.id.clone());
                    async move { ann.play(&id, 1, "e4").await }
                });
                futures_util::stream::iter(sent).buffer_unordered(1000).collect::<Vec<Answer>>().await
            };
            let calm = async {
                let shuffle = ["Nf3", "Nf6", "Ng1", "Ng8"].into_iter().cycle().take(16);
                for (number, notation) in (1..).zip(shuffle) {
                    let mover = if number % 2 == 1 { &other.white } else { &other.black };
                    let begun = std::time::Instant::now();
                    mover.play(&other.id, number, notation).await.is(201);
                    assert!(begun.elapsed() < Duration::from_secs(8), "move {number} took {:?}", begun.elapsed());
                }
            };
            let (answers, ()) = tokio::join!(storm, calm);
            let mut statuses = statuses(&answers);
            assert_eq!(statuses.remove(&201), Some(1));
            for told in answers.iter().filter(|answer| answer.status == 503) {
                assert!(told.header("retry-after").is_some(), "{}", told.text);
            }
            assert!(statuses.remove(&409).is_some_and(|lost| lost >= 5000), "most are told why");
            statuses.remove(&503);
            assert!(statuses.is_empty(), "{statuses:?}");
            assert_eq!(system.events_of(&game.id).await, 2);
            system.end().await;
        });
    }
}
