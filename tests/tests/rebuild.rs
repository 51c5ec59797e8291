//! A view is made anew while it serves: by request, after a change of its table, and back to an older generation.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wechess_tests::command::projector;
use wechess_tests::views::GAME_VIEWS;
use wechess_tests::{Actor, App, System, alone, direct, eventually};

async fn json(app: &App, args: &[&str]) -> Value {
    let (well, said) = projector(app, args).await;
    assert!(well, "projector {args:?}: {said}");
    let start = said.find(['[', '{']).unwrap_or_else(|| panic!("no JSON: {said}"));
    let mut values = serde_json::Deserializer::from_str(&said[start..]).into_iter::<Value>();
    values.next().expect("a value").unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The states of the generations of a view, by number.
async fn states(app: &App, view: &str) -> BTreeMap<u64, String> {
    let listed = json(app, &["generations", view, "--json"]).await;
    let one =
        |g: &Value| (g["generation"].as_u64().expect("a number"), g["state"].as_str().expect("a text").to_owned());
    listed.as_array().expect("a list").iter().map(one).collect()
}

async fn some_games(app: &App) -> (Actor, Actor) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.create_game(&bob).await.play("e4 c5 Nf3 d6").await;
    bob.create_game(&ann).await.play("f3 e5 g4 Qh4#").await;
    (ann, bob)
}

/// Plays on and reads as long as `work` takes: what a reader has seen never goes back, and no read fails.
async fn while_serving<T>(app: &App, ann: &Actor, bob: &Actor, work: impl Future<Output = T>) -> T {
    let game = ann.create_game(bob).await;
    tokio::pin!(work);
    let mut seen = 0;
    for number in 0.. {
        let mover = if number % 2 == 0 { ann } else { bob };
        let knights = ["Nf3", "Nf6", "Ng1", "Ng8"];
        if number < 12 {
            mover.play(&game.id, number + 1, knights[number as usize % 4]).await.is(201);
        }
        let list = ann.view("GET", "/bff-api/chessGameListView/list?limit=100").send().await;
        list.is(200);
        let one = ann.view("GET", &format!("/bff-api/chessGame/{}", game.id)).send().await;
        let count = one.body["item"]["moveCount"].as_u64().unwrap_or(0);
        assert!(count >= seen, "the game went back from {seen} to {count} moves");
        seen = count;
        if let Ok(done) = tokio::time::timeout(std::time::Duration::from_millis(20), &mut work).await {
            app.all_settled().await;
            return done;
        }
    }
    unreachable!("it never ends")
}

#[test]
fn a_rebuild_takes_over_when_both_agree_and_the_old_generation_stays() {
    alone(async || {
        let system = System::with_namespace(GAME_VIEWS).await;
        let (ann, bob) = some_games(&system).await;
        let before = system.admin().await.everything(GAME_VIEWS).await;
        let plan = json(&system, &["rebuild", "all", "--dry-run", "--json"]).await;
        let games = plan.as_array().expect("a list").iter().find(|p| p["view"] == "chessGame").unwrap();
        assert_eq!((&games["documents"], games["events"].as_i64() > Some(10)), (&json!(2), true));

        let list = "/bff-api/chessGame/list?limit=1&sortBy=id&fields=id";
        let cursor = ann.look(list).await.is(200)["nextCursor"].as_str().expect("a cursor").to_owned();
        let second = async || ann.look(&format!("{list}&cursor={cursor}")).await.is(200)["items"].clone();
        let before_it = second().await;

        let (well, said) = while_serving(&system, &ann, &bob, projector(&system, &["rebuild", "all"])).await;
        assert!(well && said.contains("chessGame: generation 2 serves"), "{said}");
        let after = system.admin().await.everything(GAME_VIEWS).await;
        assert!(before.iter().all(|(id, item)| after.get(id) == Some(item)), "what nobody touched is as it was");
        assert_eq!(second().await, before_it, "a cursor outlives the index that it was made from");
        for view in GAME_VIEWS {
            assert_eq!(states(&system, view).await, BTreeMap::from([(1, "frozen".into()), (2, "live".into())]));
        }

        // Back to the first one: it catches up with what it has missed.
        let (well, said) = projector(&system, &["rebuild", "chessGame", "--to", "1"]).await;
        assert!(well, "{said}");
        assert_eq!(states(&system, "chessGame").await, BTreeMap::from([(1, "live".into()), (2, "frozen".into())]));
        assert_eq!(system.admin().await.everything(GAME_VIEWS).await, after);
        let (well, said) = projector(&system, &["drop-generation", "chessGame", "1"]).await;
        assert!(!well && said.contains("never dropped"), "{said}");
        assert!(projector(&system, &["drop-generation", "chessGame", "2"]).await.0);
        assert_eq!(states(&system, "chessGame").await.len(), 1);
        let (well, said) = projector(&system, &["rebuild", "chessgames"]).await;
        assert!(!well && said.contains("`chessgames` is none of the views"), "{said}");
        system.nothing_is_parked().await;
        system.end().await;
    });
}

/// Makes the index look as if an older program had made it, without a field that the table has now.
async fn give_an_older_table(system: &System, view: &str, without: &str) {
    let (alias, index) = (system.namespace.index(view), system.namespace.index_generation(view, 1));
    let mapping = direct::elasticsearch_admin("GET", &format!("/{index}/_mapping"), None).await.is(200)[&index].clone();
    let mut mappings = mapping["mappings"].clone();
    mappings["_meta"]["tableHash"] = json!("older");
    mappings["properties"].as_object_mut().expect("an object").remove(without);
    let documents = direct::elasticsearch_admin("POST", &format!("/{index}/_search?size=100&version=true"), None).await;
    direct::elasticsearch_admin("DELETE", &format!("/{index}"), None).await.is(200);
    let made = json!({"settings": {"index": {"number_of_shards": 1, "refresh_interval": "-1"}}, "mappings": mappings,
        "aliases": {alias: {}}});
    direct::elasticsearch_admin("PUT", &format!("/{index}"), Some(&made)).await.is(200);
    for hit in documents.is(200)["hits"]["hits"].as_array().expect("a list") {
        let mut source = hit["_source"].clone();
        source.as_object_mut().expect("an object").remove(without);
        let (id, version) = (hit["_id"].as_str().expect("a text"), &hit["_version"]);
        let path = format!("/{index}/_doc/{id}?version={version}&version_type=external");
        direct::elasticsearch_admin("PUT", &path, Some(&source)).await.is(201);
    }
}

#[test]
fn a_new_field_rebuilds_the_view_while_the_old_table_serves_and_is_written() {
    alone(async || {
        let mut system = System::with_namespace(GAME_VIEWS).await;
        let (ann, bob) = some_games(&system).await;
        system.all_settled().await;
        let before = system.admin().await.everything(GAME_VIEWS).await;
        system.stop_projector().await;
        direct::elasticsearch_admin("POST", &format!("/{}/_refresh", system.namespace.index("chessGame")), None).await;
        give_an_older_table(&system, "chessGame", "moveCount").await;
        system.start_projector().await;
        let (ann, bob) = (ann.at(&system.app), bob.at(&system.app));
        while_serving(&system, &ann, &bob, async {
            eventually("the new table serves", async || {
                let live = system.projection().await["info"]["views"]["chessGame"]["generation"].clone();
                (live == 2).then_some(())
            })
            .await;
        })
        .await;
        let after = system.admin().await.everything(GAME_VIEWS).await;
        assert!(before.iter().all(|(id, item)| after.get(id) == Some(item)));
        // The older table got what was played meanwhile, in the fields that it has.
        let index = system.namespace.index_generation("chessGame", 1);
        let old = direct::elasticsearch_admin("GET", &format!("/{index}/_mapping"), None).await.is(200).clone();
        assert!(old[&index]["mappings"]["properties"].get("moveCount").is_none());
        system.nothing_is_parked().await;
        system.end().await;
    });
}

#[test]
fn a_rebuild_goes_on_after_its_projector_was_stopped() {
    alone(async || {
        let mut system = System::with_namespace(GAME_VIEWS).await;
        let (ann, bob) = some_games(&system).await;
        let before = system.admin().await.everything(GAME_VIEWS).await;
        assert!(projector(&system, &["rebuild", "chessGameMove", "--detach"]).await.0);
        system.stop_projector().await;
        ann.create_game(&bob).await.play("d4 d5").await;
        system.start_projector().await;
        eventually("the new generation serves", async || {
            let states = states(&system, "chessGameMove").await;
            (states.get(&2).map(String::as_str) == Some("live")).then_some(())
        })
        .await;
        system.all_settled().await;
        let after = system.app.admin().await.everything(GAME_VIEWS).await;
        assert!(before.iter().all(|(id, item)| after.get(id) == Some(item)));
        assert_eq!(after.keys().filter(|id| id.starts_with("chessGameMove/")).count(), 10);
        system.end().await;
    });
}

/// Gives the generation that serves a document more than the log says: nobody can tell which is right.
async fn give_a_stray_document(system: &System, view: &str) {
    let index = system.namespace.index_generation(view, 1);
    let stray = json!({"id": "00000000-0000-7000-8000-000000000001", "_live": true, "_readers": [], "_position": 1});
    let path = format!("/{index}/_doc/00000000-0000-7000-8000-000000000001?version=1&version_type=external");
    direct::elasticsearch_admin("PUT", &path, Some(&stray)).await.is(201);
}

#[test]
fn a_generation_that_lacks_documents_does_not_take_over() {
    alone(async || {
        let system = System::with_settings(&["chessGame"], &[("WECHESS_AUDIT_PER_SECOND", "0")]).await;
        some_games(&system).await;
        system.all_settled().await;
        give_a_stray_document(&system, "chessGame").await;
        let (well, said) = projector(&system, &["rebuild", "chessGame"]).await;
        assert!(!well && said.contains("--accept-counts"), "{said}");
        assert_eq!(states(&system, "chessGame").await, BTreeMap::from([(1, "live".into()), (2, "failed".into())]));
        let (well, said) = projector(&system, &["rebuild", "chessGame", "--accept-counts"]).await;
        assert!(well, "{said}");
        assert_eq!(states(&system, "chessGame").await[&3], "live");
        system.end().await;
    });
}

#[test]
fn a_failed_generation_does_not_serve_although_no_other_one_is_left() {
    alone(async || {
        let system = System::with_settings(&["chessGame"], &[("WECHESS_AUDIT_PER_SECOND", "0")]).await;
        some_games(&system).await;
        system.all_settled().await;
        give_a_stray_document(&system, "chessGame").await;
        assert!(!projector(&system, &["rebuild", "chessGame"]).await.0, "the second one fails");
        let first = system.namespace.index_generation("chessGame", 1);
        direct::elasticsearch_admin("DELETE", &format!("/{first}"), None).await.is(200);
        eventually("another generation serves", async || {
            let live = system.projection().await["info"]["views"]["chessGame"]["generation"].clone();
            (live == 2 || live == 3).then_some(())
        })
        .await;
        assert_eq!(states(&system, "chessGame").await, BTreeMap::from([(2, "failed".into()), (3, "live".into())]));
        system.end().await;
    });
}

#[test]
fn a_generation_that_serves_is_not_filled_again_after_the_next_one() {
    alone(async || {
        let mut system = System::with_namespace(&["chessGame"]).await;
        some_games(&system).await;
        system.all_settled().await;
        assert!(projector(&system, &["rebuild", "chessGame"]).await.0);
        // As if the projector had been killed when the alias stood on it, and before that was written down.
        system.stop_projector().await;
        let path = format!("/{}/_update/role", system.namespace.index_generation("chessGame", 2));
        let unfinished = json!({"doc": {"_state": {"role": "filling"}}});
        direct::elasticsearch_admin("POST", &path, Some(&unfinished)).await.is(200);
        system.start_projector().await;
        system.all_settled().await;
        assert!(projector(&system, &["rebuild", "chessGame"]).await.0);
        let frozen = || "frozen".to_owned();
        let all = BTreeMap::from([(1, frozen()), (2, frozen()), (3, "live".to_owned())]);
        assert_eq!(states(&system, "chessGame").await, all);
        system.end().await;
    });
}

mod long {
    use super::*;

    /// Puts so many boards into the log at once, as nobody of ours can: with the owner's login. The log's tail.
    async fn make_boards(system: &System, count: i64) -> i64 {
        let s = system.namespace.schema();
        let board = json!({"name": "many", "fen": "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "description": null,
            "isPublished": true, "category": "endgame", "createdById": "018f6d2a-0000-7000-8000-000000000001"});
        let sql = format!(
            "with moved as (update {s}.log set tail = tail + $1 returning tail)
             insert into {s}.events (position, stream_id, version, category, type, schema, command_id, ordinal,
                 correlation_id, data, recorded_at)
               select tail - $1 + n, gen_random_uuid(), 1, 'customBoard', 'CustomBoardSaved', 1, gen_random_uuid(), 0,
                 gen_random_uuid(), $2, clock_timestamp() from moved, generate_series(1, $1) n"
        );
        direct::owner().await.execute(&sql, &[&count, &board.to_string()]).await.expect("the owner may");
        system.number("select tail from {s}.log").await
    }

    /// Up to where every event is in an index, by its own word.
    async fn checkpoint(index: &str) -> i64 {
        let found = direct::elasticsearch_admin("GET", &format!("/{index}/_doc/checkpoint"), None).await;
        found.body["_source"]["_state"]["applied"].as_i64().unwrap_or(0)
    }

    #[test]
    fn a_rebuild_that_was_stopped_halfway_goes_on_from_its_checkpoint() {
        alone(async || {
            let mut system = System::with_settings(&["customBoard"], &[("WECHESS_AUDIT_PER_SECOND", "0")]).await;
            // The more there is the longer it takes: enough to be stopped in the middle, on any machine.
            for (generation, more) in [(2, 20_000), (3, 60_000), (4, 150_000)] {
                let tail = make_boards(&system, more).await;
                system.settled(tail).await;
                let index = system.namespace.index_generation("customBoard", generation);
                assert!(projector(&system, &["rebuild", "customBoard", "--detach"]).await.0);
                eventually("a checkpoint", async || (checkpoint(&index).await > 0).then_some(())).await;
                system.stop_projector().await;
                let at = checkpoint(&index).await;
                system.start_projector().await;
                let done = eventually("the new generation serves", async || {
                    let view = system.projection().await["info"]["views"]["customBoard"].clone();
                    (view["generation"] == generation).then_some(view)
                })
                .await;
                if at == tail {
                    continue;
                }
                let (from, written) = (done["rebuild"]["from"].as_i64(), done["rebuild"]["documents"].as_i64());
                assert_eq!(from, Some(at), "it went on from its checkpoint: {}", done["rebuild"]);
                assert!(written.is_some_and(|written| written <= tail - at), "nothing was written again: {written:?}");
                let alias = system.namespace.index("customBoard");
                let count = format!("/{alias}/_count?q=_live:true");
                let boards = direct::elasticsearch_admin("GET", &count, None).await.is(200)["count"].as_i64();
                let made = "select count(*) from {s}.events where category = 'customBoard'";
                assert_eq!(boards, Some(system.number(made).await));
                system.end().await;
                return;
            }
            panic!("each rebuild was over before it could be stopped: more events are needed");
        });
    }
}
