//! What players keep besides games: custom boards, board themes, preferences.

use futures_util::future::join_all;
use serde_json::{Value, json};
use wechess_tests::{Answer, App, story};

const BOARDS: &str = "/gameplay-api/v1/customboards";
const THEMES: &str = "/gameplay-api/v1/boardthemes";
const PREFERENCES: &str = "/gameplay-api/v1/userpreferences";

fn board(name: &str, published: bool) -> Value {
    json!({"name": name, "fen": "8/8/8/4k3/8/4K3/4P3/8 w - - 0 1", "isPublished": published, "category": "endgame"})
}

fn id(answer: &Answer) -> String {
    answer.data()["id"].as_str().expect("an id").to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    let all = answer.data().as_array().expect("a list");
    all.iter().map(|one| one["id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_board_is_its_creators_until_it_is_published() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.guest().await, app.user("bob").await, app.admin().await);
        let made = ann.post(BOARDS, &board(" Pawn ending ", false)).await;
        made.is(201);
        let keys: Vec<&str> = made.data().as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "id",
                "name",
                "fen",
                "description",
                "isPublished",
                "category",
                "category_idx",
                "createdById",
                "isActive",
                "recordVersion",
                "createdAt",
                "updatedAt",
                "_owner"
            ]
        );
        let shown = made.data();
        assert_eq!(
            (&shown["name"], &shown["category_idx"], &shown["createdById"]),
            (&json!("Pawn ending"), &json!(0), &json!(ann.id))
        );
        let one = format!("{BOARDS}/{}", id(&made));
        bob.get(&one).await.refused(403, "errMsg_forbidden");
        admin.get(&one).await.is(200);
        bob.patch(&one, &json!({"name": "mine now"})).await.refused(403, "errMsg_forbidden");
        admin.patch(&one, &json!({"name": "mine now"})).await.refused(403, "errMsg_forbidden");
        ann.patch(&one, &json!({"createdById": bob.id})).await.refused(403, "errMsg_forbidden");
        assert!(!ids(&bob.get(&format!("{BOARDS}?createdById={}", ann.id)).await).contains(&id(&made)));
        assert!(bob.find("customBoard", &json!({"id": id(&made)})).await.is_empty());

        let published = ann.patch(&one, &json!({"isPublished": true, "description": "win it"})).await;
        assert_eq!(
            (&published.is(200)["customBoard"]["recordVersion"], &published.data()["description"]),
            (&json!(2), &json!("win it"))
        );
        bob.get(&one).await.is(200);
        let listed = bob.get(&format!("{BOARDS}?isPublished=true&category=endgame&createdById={}", ann.id)).await;
        assert_eq!(ids(&listed), [id(&made)]);
        let found = bob.find("customBoard", &json!({"id": id(&made)})).await;
        assert_eq!(found[0]["description"], "win it");

        bob.delete(&one).await.refused(403, "errMsg_forbidden");
        let gone = admin.delete(&one).await;
        assert_eq!((gone.is(200)["action"].as_str(), &gone.data()["isActive"]), (Some("delete"), &json!(false)));
        ann.get(&one).await.refused(404, "errMsg_recordNotFound");
        ann.patch(&one, &json!({"name": "again"})).await.refused(404, "errMsg_recordNotFound");
        assert_eq!(admin.get(&one).await.data()["isActive"], false);
        assert!(bob.find("customBoard", &json!({"id": id(&made)})).await.is_empty());
    });
}

#[test]
fn a_board_says_all_that_is_wrong() {
    story(async |app: App| {
        let (ann, bob) = (app.guest().await, app.guest().await);
        let refused = ann.post(BOARDS, &json!({"name": 1, "category": "middlegame", "colour": "red"})).await;
        refused.is(400);
        let pointers: Vec<&str> =
            refused.body["errors"].as_array().unwrap().iter().filter_map(|fault| fault["pointer"].as_str()).collect();
        assert_eq!(pointers, ["/name", "/category", "/colour", "/fen", "/isPublished"]);
        let mut wrong = board("x", true);
        wrong["fen"] = json!("8/8/8/8/8/8/8/8 w - - 0 1");
        assert!(ann.post(BOARDS, &wrong).await.refused(400, "errMsg_fenIsNotValid").contains("no legal position"));
        ann.post(BOARDS, &board("  ", true)).await.refused(400, "errMsg_nameIsNotValid");
        let mut foreign = board("x", true);
        foreign["createdById"] = json!(bob.id);
        ann.post(BOARDS, &foreign).await.refused(403, "errMsg_forbidden");
        let admin = app.admin().await;
        assert_eq!(admin.post(BOARDS, &foreign).await.is(201)["customBoard"]["createdById"], json!(bob.id));
        foreign["createdById"] = json!(uuid::Uuid::now_v7());
        admin.post(BOARDS, &foreign).await.refused(400, "errMsg_createdByIdIsNotAUser");
        let theme =
            json!({"name": "N", "lightSquare": "#fff", "darkSquare": "#000", "createdById": foreign["createdById"]});
        admin.post(THEMES, &theme).await.refused(400, "errMsg_createdByIdIsNotAUser");
    });
}

#[test]
fn a_theme_obeys_its_creator_alone() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.guest().await, app.admin().await);
        let theme = json!({"name": "Night", "lightSquare": "#CCC", "darkSquare": "#202040"});
        let made = ann.post(THEMES, &theme).await;
        assert_eq!(
            (&made.is(201)["boardTheme"]["lightSquare"], &made.data()["isPublished"]),
            (&json!("#cccccc"), &json!(false))
        );
        let one = format!("{THEMES}/{}", id(&made));
        admin.delete(&one).await.refused(403, "errMsg_forbidden");
        admin.patch(&one, &json!({"name": "Day"})).await.refused(403, "errMsg_forbidden");
        ann.patch(&one, &json!({"darkSquare": "blue"})).await.refused(400, "errMsg_colourIsNotValid");
        assert!(!ids(&bob.get(THEMES).await).contains(&id(&made)));
        ann.patch(&one, &json!({"isPublished": true})).await.is(200);
        assert!(ids(&bob.get(&format!("{THEMES}?isPublished=true&pageRowCount=500")).await).contains(&id(&made)));
        // Nothing new was said: the version stays.
        assert_eq!(ann.patch(&one, &json!({"isPublished": true})).await.data()["recordVersion"], 2);
        ann.delete(&one).await.is(200);
        assert!(!ids(&bob.get(&format!("{THEMES}?pageRowCount=500")).await).contains(&id(&made)));
    });
}

#[test]
fn every_system_has_the_same_themes_once() {
    story(async |app: App| {
        let ann = app.guest().await;
        let all = ann.get(&format!("{THEMES}?createdById=null&pageRowCount=500")).await;
        let names: Vec<&str> =
            all.data().as_array().unwrap().iter().filter_map(|theme| theme["name"].as_str()).collect();
        let mut presets: Vec<&str> =
            event_schema::gameplay::board_theme::PRESETS.iter().map(|(name, ..)| *name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        presets.sort_unstable();
        assert_eq!(sorted, presets);
        let brown = ids(&all)[0].clone();
        app.admin()
            .await
            .patch(&format!("{THEMES}/{brown}"), &json!({"name": "x"}))
            .await
            .refused(403, "errMsg_forbidden");
    });
}

#[test]
fn preferences_are_one_per_user_whoever_comes_first() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.guest().await, app.guest().await, app.admin().await);
        let wish = json!({"boardOrientation": "black"});
        let answers = join_all((0..8).map(|_| ann.post(PREFERENCES, &wish))).await;
        let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(made.len(), 1);
        for lost in answers.iter().filter(|answer| answer.status != 201) {
            lost.refused(409, "errMsg_alreadyExists");
        }
        let shown = made[0].data();
        let flags = ["soundEnabled", "showAnimations", "premoveEnabled"].map(|name| shown[name].as_bool());
        assert_eq!((flags, &shown["boardOrientation_idx"]), ([Some(true), Some(true), Some(false)], &json!(2)));
        let one = format!("{PREFERENCES}/{}", id(made[0]));
        bob.get(&one).await.refused(403, "errMsg_forbidden");
        bob.patch(&one, &json!({"soundEnabled": false})).await.refused(403, "errMsg_forbidden");
        admin.patch(&one, &json!({"soundEnabled": false})).await.refused(403, "errMsg_forbidden");
        assert_eq!(admin.get(&one).await.data()["userId"], json!(ann.id));
        for who in [&bob, &admin] {
            who.post(PREFERENCES, &json!({"userId": ann.id})).await.refused(403, "errMsg_forbidden");
        }
        admin.post(PREFERENCES, &json!({"userId": bob.id})).await.refused(403, "errMsg_forbidden");
        assert_eq!((ids(&ann.get(PREFERENCES).await), ids(&bob.get(PREFERENCES).await).len()), (vec![id(made[0])], 0));

        let theme = ann.post(THEMES, &json!({"name": "N", "lightSquare": "#fff", "darkSquare": "#000"})).await;
        let wish = json!({"activeThemeId": id(&theme)});
        assert_eq!(ann.patch(&one, &wish).await.data()["activeThemeId"], json!(id(&theme)));
        bob.post(PREFERENCES, &wish).await.refused(400, "errMsg_activeThemeIdIsNotValid");
        ann.patch(&one, &json!({"activeThemeId": "brown"})).await.refused(400, "errMsg_activeThemeIdIsNotValid");
        assert_eq!(ann.find("userPreference", &json!({})).await[0]["activeThemeId"], json!(id(&theme)));
        assert!(bob.find("userPreference", &json!({})).await.is_empty());
        let none = ann.patch(&one, &json!({"activeThemeId": ""})).await;
        assert_eq!(none.is(200)["userPreference"]["activeThemeId"], Value::Null);
    });
}
