//! A log out of a backup: positions, logins and views go on from it; what was made of the log before is not trusted; what
//! was erased stays erased.

use std::collections::BTreeMap;

use command_api::es::restore::{Erasure, RestoreError, restored};
use command_api::offline::REFOLDS;
use event_schema::position::LogPosition;
use serde_json::{Value, json};
use service::seal::MasterKey;
use wechess_tests::actor::PASSWORD;
use wechess_tests::servers::stack;
use wechess_tests::views::GAME_VIEWS;
use wechess_tests::{Actor, App, System, alone, direct, eventually};

/// A master key that opens nothing of ours.
const WRONG_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The same without what somebody is called: his name, address and picture.
fn without(documents: &BTreeMap<String, Value>, person: &Actor) -> BTreeMap<String, Value> {
    let mut all = documents.clone();
    let own = all.get(&format!("user/{}", json!(person.id))).expect("his document").clone();
    for field in all.values_mut().filter_map(Value::as_object_mut).flat_map(|document| document.values_mut()) {
        if ["email", "fullname", "avatar"].iter().any(|name| *field == own[*name]) {
            *field = Value::Null;
        }
    }
    all
}

fn erasure(person: &Actor) -> Erasure {
    Erasure { key_id: format!("user:{}", person.id), destroyed_at: chrono::Utc::now() }
}

/// Nothing of a person is left where the log's owner can look.
async fn is_forgotten(client: &tokio_postgres::Client, schema: &str, person: &Actor) {
    for (what, sql) in [
        ("state row", "select count(*) from {s}.streams where state like '%' || $1 || '%'"),
        ("list column", "select count(*) from {s}.object_index where value = $1"),
        ("unique key", "select count(*) from {s}.unique_keys where key like '%' || $1"),
    ] {
        let row = client.query_one(&sql.replace("{s}", schema), &[&person.email]).await.expect("the query is right");
        assert_eq!(row.get::<_, i64>(0), 0, "his address is left in a {what}");
    }
    let live = format!(
        "select (select count(*) from {schema}.sessions where user_id = $1::text::uuid and ended_at is null)
              + (select count(*) from {schema}.secrets where id = $1)"
    );
    let row = client.query_one(&live, &[&person.id]).await.expect("the query is right");
    assert_eq!(row.get::<_, i64>(0), 0, "he has a session or a secret");
}

/// A token of the log before is refused by every view, whatever position it names.
async fn is_refused(reader: &Actor, token: LogPosition) {
    for position in [1, token.position] {
        let old = LogPosition { position, ..token }.to_string();
        for view in ["user", "chessGame"] {
            let answer =
                reader.view("GET", &format!("/bff-api/{view}/list")).header("Consistency-Token", &old).send().await;
            answer.refused(400, "errMsg_invalidConsistencyToken");
        }
    }
}

#[test]
fn a_restored_log_is_another_one_and_forgets_whom_it_must() {
    alone(async || {
        let mut system = System::with_namespace(GAME_VIEWS).await;
        let (ann, eve, admin) = (system.user("ann").await, system.user("eve").await, system.admin().await);
        ann.create_game(&eve).await.play("e4 e5").await;
        system.all_settled().await;
        let before = admin.at(&system).everything(GAME_VIEWS).await;
        let (token, s) = (system.told().expect("somebody was told"), system.namespace.schema());
        let urls = &stack().credentials.database_urls;
        let (owner, namespace) = (urls.owner.parse().expect("a URL"), system.namespace.clone());
        let master: MasterKey = stack().credentials.master_key.parse().expect("a master key");
        // The key of somebody who came after the backup is not known, and no fault.
        let stranger = Erasure { key_id: format!("user:{}", uuid::Uuid::now_v7()), ..erasure(&eve) };
        let recorded = [erasure(&eve), stranger];

        let used = restored(&owner, &namespace, &master, &recorded, REFOLDS).await;
        assert!(matches!(used, Err(RestoreError::InUse(_))), "{used:?}");
        system.stop_command_api().await;
        let other: MasterKey = WRONG_KEY.parse().expect("a master key");
        let done = eventually("command-api's connections are gone", async || {
            match restored(&owner, &namespace, &other, &recorded, REFOLDS).await {
                Err(RestoreError::InUse(_)) => None,
                wrong => Some(wrong),
            }
        })
        .await;
        assert!(matches!(done, Err(RestoreError::MasterKey)), "{done:?}");
        let client = direct::owner().await;
        let id = client.query_one(&format!("select id from {s}.log"), &[]).await.unwrap().get::<_, uuid::Uuid>(0);
        assert_eq!(id, token.log, "a refusal changes nothing");

        let done = restored(&owner, &namespace, &master, &recorded, REFOLDS).await.expect("it is offline");
        assert_eq!((done.erased, done.redacted, done.tail), (1, 1, token.position));
        assert_ne!(done.log_id, token.log);
        is_forgotten(&client, &s, &eve).await;
        let again = restored(&owner, &namespace, &master, &recorded, REFOLDS).await.expect("again");
        assert_eq!((again.erased, again.redacted), (0, 0), "all is done already");

        // Projector and query service have run on all the time.
        system.start_command_api().await;
        let app = system.untold();
        assert_eq!(system.number("select tail from {s}.log").await, token.position, "the superAdmin is known");
        eventually("the views are of the new log", async || {
            let answer = admin.at(&app).view("GET", "/bff-api/user/list").send().await;
            answer.header("watermark")?.starts_with(&again.log_id.to_string()).then_some(())
        })
        .await;
        app.settled(token.position).await;
        assert_eq!(admin.at(&app).everything(GAME_VIEWS).await, without(&before, &eve));
        is_refused(&ann.at(&app), token).await;
        assert_eq!(eve.at(&app).get("/auth-api/currentuser").await.status, 401);
        ann.at(&app).get("/auth-api/currentuser").await.is(200);
        let body = json!({"email": eve.email, "password": PASSWORD, "fullname": "eve again"});
        app.stranger().post("/auth-api/v1/registeruser", &body).await.is(201);
        app.nothing_is_parked().await;
        system.end().await;
    });
}

mod long {
    mod faults {
        use std::path::Path;
        use std::process::Output;

        use tokio_postgres::Client;
        use wechess_tests::whole::Whole;

        use super::super::*;

        fn said(out: &Output) -> String {
            String::from_utf8_lossy(&[&out.stdout[..], &out.stderr].concat()).into_owned()
        }

        async fn owner(whole: &Whole) -> Client {
            direct::database(&whole.status().connections.credentials.database_urls.owner).await
        }

        async fn superadmin(app: &App, whole: &Whole) -> Actor {
            let login = whole.status().connections.super_admin;
            app.login(&login.email, &login.password).await
        }

        async fn number(client: &Client, sql: &str) -> i64 {
            client.query_one(sql, &[]).await.expect("the query is right").get(0)
        }

        fn restore(whole: &Whole, dump: &str, more: &[&str]) -> Output {
            let start = Whole::start_arguments();
            let arguments: Vec<&str> = [dump].into_iter().chain(more.iter().copied()).collect();
            let start: Vec<&str> = start.iter().map(String::as_str).collect();
            whole.dev("restore", &[arguments, start].concat())
        }

        /// The keys that a log has destroyed, as its operators keep them.
        fn list_of_erasures(whole: &Whole, file: &Path) {
            let program = Path::new(&std::env::var("WECHESS_BIN_DIR").expect("set")).join("command-api");
            let owner = &whole.status().connections.credentials.database_urls.owner;
            let out = std::process::Command::new(program)
                .arg("erasures")
                .env("WECHESS_OWNER_DATABASE_URL", owner)
                .output()
                .expect("command-api can be run");
            assert!(out.status.success(), "{}", said(&out));
            std::fs::write(file, out.stdout).expect("it can be written");
        }

        async fn no_index_remembers(whole: &Whole, person: &Actor) {
            let servers = whole.status().connections;
            let login = &servers.credentials.elasticsearch.admin;
            // Every index, not only those that serve: one of the log before would still hold her.
            let url = format!("{}/wechess_*/_search", servers.elasticsearch);
            let search = json!({"query": {"query_string": {"query": format!("\"{}\"", person.email)}}});
            let asked = reqwest::Client::new().post(url).basic_auth(&login.user, Some(&login.password)).json(&search);
            let found: Value = asked.send().await.expect("Elasticsearch answers").json().await.expect("JSON");
            assert_eq!(found["hits"]["total"]["value"], 0, "{found}");
        }

        /// What a command-api remembers is of the log that it opened.
        async fn begins_again_when_the_log_is_replaced(whole: &Whole, client: &Client) {
            let old = whole.status().pids["commandApi"];
            client.execute("update wechess.log set id = gen_random_uuid()", &[]).await.expect("the owner may");
            eventually("command-api has noticed", async || {
                let status = whole.status();
                (status.ready && status.pids.get("commandApi").is_some_and(|pid| *pid != old)).then_some(())
            })
            .await;
        }

        /// The same backup in an empty stack: of the erasure only the operators' list tells.
        async fn into_an_empty_stack(folder: &Path, list: &Path) -> Whole {
            let elsewhere = folder.join("elsewhere");
            std::fs::create_dir_all(&elsewhere).expect("it can be made");
            for name in ["first.dump", "first.dump.json", "first.dump.secrets.json"] {
                std::fs::copy(folder.join(name), elsewhere.join(name)).expect("it can be copied");
            }
            let dump = elsewhere.join("first.dump").display().to_string();
            let other = Whole::named("restored");
            let out = restore(&other, &dump, &["--erasures", &list.display().to_string()]);
            assert!(out.status.success(), "{}", said(&out));
            other
        }

        /// The whole way: play, back up, play on, erase, restore, play on; and the same backup in an empty stack.
        #[test]
        fn a_backup_takes_the_place_of_the_log_and_everything_goes_on_from_it() {
            alone(async || {
                let whole = Whole::up("restore");
                let folder = whole.status().connections.folder.join("backups");
                let dump = folder.join("first.dump").display().to_string();
                let app = App::of(&whole.status());
                let (ann, bob, eve) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
                let admin = superadmin(&app, &whole).await;
                let game = ann.create_game(&bob).await;
                game.play("e4 e5 Nf3").await;
                eve.create_game(&ann).await.play("d4 d5").await;
                app.all_settled().await;
                let (before, early) = (admin.at(&app).everything(GAME_VIEWS).await, app.told().expect("told"));
                let out = whole.dev("backup", &[&dump]);
                assert!(out.status.success(), "{}", said(&out));
                assert!(said(&out).contains(&format!("{} events, tail {0}, log {}", early.position, early.log)));
                let twice = whole.dev("backup", &[&dump]);
                assert!(!twice.status.success() && said(&twice).contains("never overwritten"), "{}", said(&twice));

                // What the backup lacks: moves, a user, a session, an erasure.
                game.play_from(4, "Nc6 Bb5 a6").await;
                let zed = app.user("zed").await;
                let late = app.login(&bob.email, PASSWORD).await;
                app.all_settled().await;
                let token = app.told().expect("told");
                let client = owner(&whole).await;
                let destroy = "update wechess.data_keys set wrapped = null, destroyed_at = now() where key_id = $1";
                assert_eq!(client.execute(destroy, &[&format!("user:{}", eve.id)]).await.unwrap(), 1);
                let list = folder.join("erased.jsonl");
                list_of_erasures(&whole, &list);

                let refused = restore(&whole, &dump, &[]);
                assert!(!refused.status.success() && said(&refused).contains("--replace"), "{}", said(&refused));
                assert!(whole.status().ready, "nothing was stopped");
                drop(client);
                // A key that does not open it: the log before comes back, and with it what it knows of erasures.
                let wrong = folder.join("wrong.key");
                std::fs::write(&wrong, WRONG_KEY).unwrap();
                let failed = restore(&whole, &dump, &["--replace", "--master-key-file", &wrong.display().to_string()]);
                assert!(!failed.status.success() && said(&failed).contains("does not open"), "{}", said(&failed));
                let out = restore(&whole, &dump, &["--replace"]);
                assert!(out.status.success(), "{}", said(&out));
                println!("{}", said(&out));

                let app = App::of(&whole.status());
                let client = owner(&whole).await;
                let tail = number(&client, "select tail from wechess.log").await;
                assert_eq!(tail, early.position, "the log is that of the backup");
                let admin = superadmin(&app, &whole).await;
                assert_eq!(admin.at(&app).everything(GAME_VIEWS).await, without(&before, &eve));
                is_refused(&ann.at(&app), early).await;
                is_refused(&ann.at(&app), token).await;
                is_forgotten(&client, "wechess", &eve).await;
                ann.at(&app).get("/auth-api/currentuser").await.is(200);
                for gone in [&zed, &late, &eve] {
                    assert_eq!(gone.at(&app).get("/auth-api/currentuser").await.status, 401, "{}", gone.name);
                }
                let bob = app.login(&bob.email, PASSWORD).await;
                // Another move than the one that the backup lacks: nothing of the log before comes back.
                bob.play(&game.id, 4, "d6").await.is(201);
                let now = app.told().expect("told");
                assert_eq!(now.position, early.position + 1, "positions go on");
                let listed = bob.find("chessGameListView", &json!({"id": game.id})).await;
                assert_eq!((&listed[0]["lastMove"], &listed[0]["plies"]), (&json!("d6"), &json!(4)));
                let dense =
                    "select count(*) from wechess.events where position between 1 and (select tail from wechess.log)";
                assert_eq!(number(&client, dense).await, now.position);
                app.nothing_is_parked().await;
                no_index_remembers(&whole, &eve).await;
                begins_again_when_the_log_is_replaced(&whole, &client).await;
                let other = into_an_empty_stack(&folder, &list).await;
                let app = App::of(&other.status());
                let admin = superadmin(&app, &other).await;
                assert_eq!(admin.at(&app).everything(GAME_VIEWS).await, without(&before, &eve));
                is_forgotten(&owner(&other).await, "wechess", &eve).await;
                ann.at(&app).get("/auth-api/currentuser").await.is(200);
            });
        }
    }
}
