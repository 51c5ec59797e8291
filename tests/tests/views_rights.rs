//! Fields for some roles only: for others as if they were not there, wherever they are named.

use serde_json::{Value, json};
use wechess_tests::{Actor, App, eventually, story};

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
        nor_aggregated_exported_or_read_live(&ann, &admin, &bob).await;
        let several = ann.look(&format!("{list}?sortBy=email&facets=nothing")).await;
        assert_eq!(several.faults(), ["/sortBy errMsg_fieldNotAllowed", "/facets errMsg_unknownField"]);
        // Nor does `q` find by it: the address holds what no name does.
        let word = bob.email.split(['-', '@']).nth(1).expect("a word").to_owned();
        let found =
            async |who: &Actor| who.look(&format!("{VIEW}/count?q={word}")).await.is(200)["total"].as_u64().unwrap();
        assert_eq!((found(&ann).await, found(&admin).await), (0, 1));
    });
}

/// Bob's address: nothing for Ann, whatever she asks for it; an admin gets it from the same request.
async fn nor_aggregated_exported_or_read_live(ann: &Actor, admin: &Actor, bob: &Actor) {
    let (own, by_email) = (json!({"id": bob.id}), json!({"email": bob.email}));
    for body in [
        json!({"filters": by_email}),
        json!({"filters": own, "groupBy": [{"field": "email"}]}),
        json!({"filters": own, "metrics": {"addresses": {"distinct": "email"}}}),
        json!({"filters": own, "metrics": {"share": {"ratio": {"of": by_email}}}}),
        json!({"filters": own, "metrics": {"proven": {"ratio": {"of": {"emailVerified": true}}}}}),
        json!({"filters": own, "groupBy": [{"field": "roleId"}]}),
    ] {
        let path = format!("{VIEW}/aggregate");
        ann.search(&path, &body).await.refused(403, "errMsg_fieldNotAllowed");
        assert_eq!(admin.search(&path, &body).await.is(200)["documents"], 1, "{body}");
    }
    let encoded = |filters: &Value| filters.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let (by_email, own) = (encoded(&by_email), encoded(&own));
    for asked in [format!("filters={by_email}"), format!("fields=email&filters={own}")] {
        let path = format!("{VIEW}/export?{asked}");
        ann.look(&path).await.refused(403, "errMsg_fieldNotAllowed");
        let whole = eventually("there is a place for an export", async || {
            let answer = admin.look(&path).await;
            (answer.status != 429).then_some(answer)
        })
        .await;
        whole.is(200);
        assert!(whole.text.contains(&bob.email), "{}", whole.text);
    }
    for asked in
        [format!("filters={by_email}"), format!("fields=id,email&filters={own}"), format!("sortBy=email&filters={own}")]
    {
        let path = format!("{VIEW}/live?{asked}");
        ann.try_live(&path, None).await.err().expect("a refusal").refused(403, "errMsg_fieldNotAllowed");
        let seen = admin.live(&path).await.expect("snapshot").await;
        assert_eq!(seen["items"][0]["email"], bob.email.as_str(), "{path}");
    }
}
