//! Who tries the codes of private games is stopped, on every way on which he may try them.

use serde_json::json;
use wechess_tests::{Actor, Answer, System, alone};

/// How many guesses are answered before one is a 429. Some may come back while they are made: one in 3 s.
async fn tries(mut guess: impl AsyncFnMut(usize) -> Answer) -> usize {
    for tried in 0..200 {
        let answer = guess(tried).await;
        if answer.status == 429 {
            answer.refused(429, "errMsg_TooManyRequests");
            return tried;
        }
    }
    panic!("nobody is stopped after 200 guesses");
}

#[test]
fn who_tries_codes_is_stopped_on_every_way() {
    alone(async || {
        let system = System::with_settings(&["chessGame"], &[("WECHESS_RATE_LIMITS", "on")]).await;
        let ann = system.guest().await;
        let game = ann.open_game("private").await;
        let one = format!("/gameplay-api/v1/game/{}", game["id"].as_str().unwrap());
        let list = "/gameplay-api/v1/games";

        let read = system.guest().await;
        let read = tries(async |n| read.get(&format!("{one}?invitationCode=x{n}")).await).await;
        let listed = system.guest().await;
        let listed = tries(async |n| listed.get(&format!("{list}?invitationCode=x{n}")).await).await;
        let joined = system.guest().await;
        let body = |n: usize| json!({"playerBlackId": joined.id, "invitationCode": format!("x{n}")});
        let joined = tries(async |n| joined.patch(&one, &body(n)).await).await;
        let hidden = system.guest().await;
        // The same name in other letters of JSON.
        let text = |who: &Actor, n| format!(r#"{{"playerBlackId":"{}","invitationC\u006fde":"x{n}"}}"#, who.id);
        let send = async |n| hidden.request("PATCH", &one).body("application/json", text(&hidden, n)).send().await;
        let hidden = tries(send).await;
        assert!([read, listed, joined, hidden].iter().all(|tried| *tried >= 20), "{read} {listed} {joined} {hidden}");

        // Codes in one request count one by one.
        let eve = system.guest().await;
        let many = |count: usize| (0..count).map(|n| format!("invitationCode=x{n}")).collect::<Vec<_>>().join("&");
        eve.get(&format!("{list}?{}", many(15))).await.is(200);
        eve.get(&format!("{list}?{}", many(15))).await.refused(429, "errMsg_TooManyRequests");

        // Who knows the code is not stopped, nor is an admin.
        let bob = system.guest().await;
        let join = json!({"playerBlackId": bob.id, "invitationCode": game["invitationCode"]});
        bob.patch(&one, &join).await.is(200);
        let admin = system.admin().await;
        admin.get(&format!("{list}?{}", many(50))).await.is(200);
        system.end().await;
    });
}
