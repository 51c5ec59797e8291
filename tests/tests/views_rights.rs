//! Fields for some roles only: for others as if they were not there, wherever they are named.

use serde_json::json;
use wechess_tests::{App, story};

const VIEW: &str = "/bff-api/playerProfileView";

#[test]
fn the_address_of_a_player_is_for_admins() {
    story(async |app: App| {
        let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
        let one = format!("{VIEW}/{}", bob.id);
        let (seen, whole) = (ann.look(&one).await, admin.look(&one).await);
        assert_eq!((seen.is(200)["item"].get("email"), &seen.body["item"]["fullname"]), (None, &json!("bob")));
        assert_eq!(whole.is(200)["item"]["email"], bob.email.as_str());
        let schema = format!("{VIEW}/schema");
        assert!(!ann.look(&schema).await.text.contains("\"email\""));
        assert!(admin.look(&schema).await.text.contains("\"email\""));

        let filter = format!("%7B%22email%22%3A%22{}%22%7D", bob.email);
        let list = format!("{VIEW}/list");
        for asked in
            [format!("filters={filter}"), "sortBy=email".into(), "facets=email".into(), "fields=id,email".into()]
        {
            let path = format!("{list}?{asked}");
            let told = ann.look(&path).await.refused(403, "errMsg_fieldNotAllowed").to_owned();
            assert!(told.contains("`email`") && told.contains("user"), "{told}");
            admin.look(&path).await.is(200);
        }
        ann.look(&format!("{one}?fields=email")).await.refused(403, "errMsg_fieldNotAllowed");
        let count = format!("{VIEW}/count?filters={filter}");
        ann.look(&count).await.refused(403, "errMsg_fieldNotAllowed");
        assert_eq!(admin.look(&count).await.is(200)["total"], 1);
        let several = ann.look(&format!("{list}?sortBy=email&facets=nothing")).await;
        assert_eq!(several.faults(), ["/sortBy errMsg_fieldNotAllowed", "/facets errMsg_unknownField"]);
        // Nor does `q` find by it: the address holds what no name does.
        let word = bob.email.split(['-', '@']).nth(1).expect("a word").to_owned();
        let found = async |who: &wechess_tests::Actor| {
            who.look(&format!("{VIEW}/count?q={word}")).await.is(200)["total"].as_u64().unwrap()
        };
        assert_eq!((found(&ann).await, found(&admin).await), (0, 1));
    });
}
