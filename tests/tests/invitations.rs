//! Invitations to private games: who may send, see and answer them, how they end, and what becomes of the game.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use wechess_tests::answer::has;
use wechess_tests::{Actor, Answer, App, System, alone, eventually, story};

const ONE: &str = "/gameplay-api/v1/gameinvitation";
const LIST: &str = "/gameplay-api/v1/gameinvitations";

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    answer.data().as_array().expect("a list").iter().map(id).collect()
}

fn invitation(game: &str, recipient: &Actor) -> Value {
    json!({"gameId": game, "recipientId": recipient.id})
}

/// His invitation to a game of his, as he sees both.
async fn invite(sender: &Actor, recipient: &Actor) -> (Value, Value) {
    let game = sender.open_game("private").await;
    let sent = sender.post(ONE, &invitation(&id(&game), recipient)).await;
    (game, sent.is(201)["chessGameInvitation"].clone())
}

async fn answer(who: &Actor, invitation: &str, status: &str) -> Answer {
    who.patch(&format!("{ONE}/{invitation}"), &json!({"status": status})).await
}

/// The invitation once it has ended by itself.
async fn over(who: &Actor, invitation: &str) -> Value {
    eventually("the invitation ends by itself", async || {
        let all = who.get(&format!("{LIST}?pageRowCount=500")).await.data().clone();
        let found = all.as_array()?.iter().find(|one| one["id"] == *invitation)?.clone();
        (found["status"] != "pending").then_some(found)
    })
    .await
}

fn soon(millis: i64) -> DateTime<Utc> {
    Utc::now() + TimeDelta::milliseconds(millis)
}

#[test]
fn an_invitation_is_sent_seen_by_the_two_and_accepted() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.guest().await, app.user("eve").await, app.admin().await);
        let (carl, game) = (app.guest().await, ann.open_game("private").await);
        let one = format!("/gameplay-api/v1/game/{}", id(&game));
        bob.get(&one).await.refused(403, "errMsg_forbidden");
        let sent = ann.post(ONE, &invitation(&id(&game), &bob)).await;
        let keys: Vec<&str> =
            sent.is(201)["chessGameInvitation"].as_object().unwrap().keys().map(String::as_str).collect();
        let fields = ["id", "gameId", "senderId", "recipientId", "status", "status_idx", "expiresAt"];
        let book = ["isActive", "recordVersion", "createdAt", "updatedAt", "_owner", "expired"];
        assert_eq!(keys, [&fields[..], &book[..]].concat());
        let shown = json!({"gameId": game["id"], "senderId": ann.id, "recipientId": bob.id, "status": "pending",
            "status_idx": 0, "expired": false, "recordVersion": 1, "_owner": ann.id});
        has(sent.data(), &shown);
        let invitation = id(sent.data());

        // The game is open to who is invited, without its code and without who else is; and to nobody else.
        let other = id(ann.post(ONE, &self::invitation(&id(&game), &carl)).await.data());
        let waiting = |who: &Actor, invitation: &str| json!({"invitationId": invitation, "recipientId": who.id});
        let both = json!([waiting(&bob, &invitation), waiting(&carl, &other)]);
        for (who, own) in [(&bob, &both[0]), (&carl, &both[1])] {
            has(who.get(&one).await.data(), &json!({"invitationCode": null, "invitations": [own]}));
            assert_eq!(who.find("chessGame", &json!({"id": game["id"]})).await[0].get("invitations"), None);
        }
        for who in [&ann, &admin] {
            has(who.get(&one).await.data(), &json!({"invitations": both}));
        }
        has(&admin.find("chessGame", &json!({"id": game["id"]})).await[0], &json!({"invitations": both}));
        answer(&carl, &other, "declined").await.is(200);
        eve.get(&one).await.refused(403, "errMsg_forbidden");
        for view in ["chessGame", "chessGameListView"] {
            assert_eq!(bob.find(view, &json!({"id": game["id"]})).await.len(), 1, "{view}");
            assert_eq!(eve.find(view, &json!({"id": game["id"]})).await.len(), 0, "{view}");
        }
        let notices = bob.look("/bff-api/invitationNotificationView").await;
        let notice = json!({"id": invitation, "senderName": "ann", "recipientName": bob.name, "gameMode": "private",
            "gameType": "untimed", "timeControl": null, "gameStatus": "pending", "gameStatus_idx": 0, "status": "pending"});
        has(notices.is(200), &json!({"status": "OK", "total": 1, "pageItem": 1, "currentPage": 1}));
        has(&notices.body["items"][0], &notice);
        let view = format!("/bff-api/invitationNotificationView/{invitation}");
        for who in [&ann, &admin] {
            has(&who.look(&view).await.is(200)["item"], &notice);
        }
        eve.look(&view).await.refused(404, "errMsg_recordNotFound");

        for (who, seen) in [(&ann, true), (&bob, true), (&eve, false)] {
            assert_eq!(ids(&who.get(LIST).await).contains(&invitation), seen, "{}", who.name);
        }
        let by_game = format!("{LIST}?gameId={}&status=PENDING&recipientId={}&senderId={}", id(&game), bob.id, ann.id);
        assert_eq!(ids(&admin.get(&by_game).await), std::slice::from_ref(&invitation));

        answer(&eve, &invitation, "accepted").await.refused(403, "errMsg_forbidden");
        answer(&ann, &invitation, "accepted").await.refused(403, "errMsg_forbidden");
        let accepted = answer(&bob, &invitation, "accepted").await;
        has(accepted.is(200), &json!({"dataName": "chessGameInvitation", "action": "update", "statusCode": 200}));
        has(accepted.data(), &json!({"status": "accepted", "status_idx": 1, "recordVersion": 2}));
        let playing = json!({"status": "active", "playerBlackId": bob.id, "guestPlayerBlack": true, "invitations": []});
        has(ann.get(&one).await.data(), &playing);
        has(&bob.find("chessGameListView", &json!({"id": game["id"]})).await[0], &json!({"playerBlackName": bob.name}));
        let ended = json!({"status": "accepted", "gameStatus": "active", "senderName": "ann"});
        has(&bob.look(&view).await.is(200)["item"], &ended);
        ann.play(&id(&game), 1, "e4").await.is(201);
        assert_eq!((app.events_of(&invitation).await, app.events_of(&id(&game)).await), (2, 6));
    });
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    story(async |app: App| {
        let (ann, bob, eve, admin) =
            (app.user("ann").await, app.user("bob").await, app.guest().await, app.admin().await);
        let (game, sent) = invite(&ann, &bob).await;
        let game = id(&game);
        ann.post(ONE, &invitation(&game, &bob)).await.refused(409, "errMsg_AlreadyInvited");
        ann.post(ONE, &invitation(&game, &ann)).await.refused(400, "errMsg_recipientIdIsNotValid");
        eve.post(ONE, &invitation(&game, &bob)).await.refused(403, "errMsg_forbidden");
        let mut foreign = invitation(&game, &eve);
        foreign["senderId"] = json!(ann.id);
        bob.post(ONE, &foreign).await.refused(403, "errMsg_forbidden");
        let nobody = uuid::Uuid::now_v7();
        ann.post(ONE, &json!({"gameId": nobody, "recipientId": bob.id})).await.refused(404, "errMsg_recordNotFound");
        ann.post(ONE, &json!({"gameId": game, "recipientId": nobody}))
            .await
            .refused(400, "errMsg_recipientIdIsNotAUser");
        assert_eq!(
            ann.post(ONE, &json!({"status": "sent", "expiresAt": "soon"})).await.faults(),
            [
                "/status errMsg_statusIsNotValid",
                "/expiresAt errMsg_expiresAtIsNotValid",
                "/gameId errMsg_gameIdIsRequired",
                "/recipientId errMsg_recipientIdIsRequired"
            ]
        );
        for end in [soon(-1000), soon(31 * 86_400_000)] {
            let body = json!({"gameId": game, "recipientId": eve.id, "expiresAt": end});
            ann.post(ONE, &body).await.refused(400, "errMsg_expiresAtIsNotValid");
        }
        let public = id(&ann.open_game("public").await);
        ann.post(ONE, &invitation(&public, &bob)).await.refused(409, "errMsg_GameIsPublic");
        let full = ann.create_game_from(&bob, json!({"mode": "private"})).await;
        ann.post(ONE, &invitation(&full.id, &eve)).await.refused(409, "errMsg_GameIsFull");

        let path = format!("{ONE}/{}", id(&sent));
        ann.patch(&path, &json!({})).await.refused(400, "errMsg_nothingToUpdate");
        bob.patch(&path, &json!({"status": "accepted", "recipientId": eve.id})).await.refused(403, "errMsg_forbidden");
        bob.patch(&path, &json!({"expiresAt": soon(60_000)})).await.refused(403, "errMsg_forbidden");
        let later = ann.patch(&path, &json!({"expiresAt": soon(60_000)})).await;
        has(later.is(200), &json!({"chessGameInvitation": {"status": "pending", "recordVersion": 2}}));
        bob.patch(&format!("{ONE}/{nobody}"), &json!({"status": "accepted"}))
            .await
            .refused(404, "errMsg_recordNotFound");

        ann.delete(&path).await.refused(403, "errMsg_forbidden");
        let deleted = admin.delete(&path).await;
        has(deleted.is(200), &json!({"action": "delete", "dataName": "chessGameInvitation"}));
        has(deleted.data(), &json!({"isActive": false, "status": "cancelled"}));
        answer(&bob, &id(&sent), "accepted").await.refused(404, "errMsg_recordNotFound");
        bob.game(&game).await.refused(403, "errMsg_forbidden");
        assert!(!ids(&bob.get(LIST).await).contains(&id(&sent)));
        for view in ["chessGameInvitation", "invitationNotificationView"] {
            assert!(bob.find(view, &json!({"id": sent["id"]})).await.is_empty(), "{view}");
            has(&admin.find(view, &json!({"id": sent["id"]})).await[0], &json!({"isActive": false}));
        }
    });
}

#[test]
fn who_declines_or_takes_back_ends_it_and_a_new_one_may_follow() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let (game, first) = invite(&ann, &bob).await;
        has(answer(&bob, &id(&first), "declined").await.data(), &json!({"status": "declined", "status_idx": 2}));
        // What is so already is no new event.
        has(answer(&bob, &id(&first), "declined").await.data(), &json!({"recordVersion": 2}));
        bob.game(&id(&game)).await.refused(403, "errMsg_forbidden");
        assert!(bob.find("chessGame", &json!({"id": game["id"]})).await.is_empty());
        answer(&bob, &id(&first), "accepted").await.refused(409, "errMsg_InvitationOver");
        let second = ann.post(ONE, &invitation(&id(&game), &bob)).await.data().clone();
        has(answer(&ann, &id(&second), "cancelled").await.data(), &json!({"status": "cancelled", "expired": false}));
        answer(&bob, &id(&second), "accepted").await.refused(409, "errMsg_InvitationOver");
        let third = ann.post(ONE, &invitation(&id(&game), &bob)).await.data().clone();
        let (key, path) = (uuid::Uuid::now_v7().to_string(), format!("{ONE}/{}", id(&third)));
        for replayed in [None, Some("true")] {
            let body = json!({"status": "accepted"});
            let accepted = bob.request("PATCH", &path).key(&key).json(&body).send().await;
            assert_eq!((accepted.is(200)["chessGameInvitation"]["status"].as_str()), Some("accepted"));
            assert_eq!(accepted.header("idempotency-replayed"), replayed);
        }
        has(bob.game(&id(&game)).await.data(), &json!({"status": "active", "playerBlackId": bob.id}));
    });
}

#[test]
fn its_time_ends_an_invitation_by_itself() {
    story(async |app: App| {
        let (ann, bob) = (app.user("ann").await, app.guest().await);
        let game = id(&ann.open_game("private").await);
        let body = json!({"gameId": game, "recipientId": bob.id, "expiresAt": soon(2000)});
        let sent = id(ann.post(ONE, &body).await.data());
        // Put off once: the first time does not end it.
        ann.patch(&format!("{ONE}/{sent}"), &json!({"expiresAt": soon(2500)})).await.is(200);
        let ended = over(&bob, &sent).await;
        has(&ended, &json!({"status": "cancelled", "status_idx": 3, "expired": true, "recordVersion": 3}));
        let time = |name: &str| ended[name].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok()).expect("a time");
        assert!(time("updatedAt") >= time("expiresAt"), "{ended}");
        answer(&bob, &sent, "accepted").await.refused(400, "errMsg_InvitationExpired");
        bob.game(&game).await.refused(403, "errMsg_forbidden");
        has(ann.game(&game).await.data(), &json!({"status": "pending", "invitations": []}));
        eventually("the notice says so", async || {
            let found = bob.find("invitationNotificationView", &json!({"expired": true})).await;
            (found.first()?["id"] == *sent).then_some(())
        })
        .await;
        ann.post(ONE, &invitation(&game, &bob)).await.is(201);
    });
}

#[test]
fn a_game_that_starts_or_ends_leaves_no_invitation_open() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.guest().await, app.guest().await);
        let (game, first) = invite(&ann, &bob).await;
        let second = ann.post(ONE, &invitation(&id(&game), &eve)).await.data().clone();
        answer(&eve, &id(&second), "accepted").await.is(200);
        bob.game(&id(&game)).await.refused(403, "errMsg_forbidden");
        let cancelled = json!({"status": "cancelled", "expired": false});
        has(&over(&bob, &id(&first)).await, &cancelled);
        answer(&bob, &id(&first), "accepted").await.refused(409, "errMsg_InvitationOver");

        let (game, sent) = invite(&ann, &bob).await;
        ann.update_game(&id(&game), json!({"result": "aborted"})).await.is(200);
        has(&over(&bob, &id(&sent)).await, &cancelled);

        // Who is invited may also come by the code.
        let (game, sent) = invite(&ann, &bob).await;
        let join = json!({"playerBlackId": bob.id, "invitationCode": game["invitationCode"]});
        bob.update_game(&id(&game), join).await.is(200);
        has(&over(&bob, &id(&sent)).await, &json!({"status": "accepted"}));
    });
}

/// How an invitation ended, by its events; and who plays Black.
async fn outcome(app: &App, game: &str, invitation: &str) -> (i64, i64) {
    let count = async |stream: &str, kinds: &str| {
        let sql = format!("select count(*) from {{s}}.events where stream_id = '{stream}' and type in ({kinds})");
        app.number(&sql).await
    };
    let ends = "'InvitationAccepted', 'InvitationCancelled', 'InvitationExpired'";
    (count(invitation, ends).await, count(game, "'PlayerJoined'").await)
}

#[test]
fn of_two_who_come_at_the_same_moment_one_plays() {
    story(async |app: App| {
        let (ann, bob, eve) = (app.user("ann").await, app.guest().await, app.guest().await);
        let mut won = [0, 0];
        for round in 0..12 {
            let (game, sent) = invite(&ann, &bob).await;
            let (game_id, sent) = (id(&game), id(&sent));
            let by_code = json!({"playerBlackId": eve.id, "invitationCode": game["invitationCode"]});
            let (accept, joins) = (answer(&bob, &sent, "accepted"), eve.update_game(&game_id, by_code));
            let (accepted, joined) = if round % 2 == 0 {
                join(accept, joins).await
            } else {
                let (joined, accepted) = join(joins, accept).await;
                (accepted, joined)
            };
            let black = ann.game(&game_id).await.data()["playerBlackId"].clone();
            if accepted.status == 200 {
                joined.refused(409, "errMsg_GameIsFull");
                assert_eq!(black, bob.id);
                won[0] += 1;
            } else {
                let code = accepted.body["message"].as_str().unwrap_or_default();
                assert!(["errMsg_GameIsFull", "errMsg_InvitationOver"].contains(&code), "{}", accepted.text);
                assert_eq!((joined.status, black), (200, json!(eve.id)));
                won[1] += 1;
            }
            let status = if accepted.status == 200 { "accepted" } else { "cancelled" };
            has(&over(&bob, &sent).await, &json!({"status": status, "expired": false}));
            assert_eq!(outcome(&app, &game_id, &sent).await, (1, 1));
        }
        println!("by invitation and by code: {won:?}");
    });
}

/// Lets an invitation end by itself as soon as this machine can say so in time; when.
async fn ends_soon(sender: &Actor, invitation: &str) -> DateTime<Utc> {
    for millis in [400, 1600, 6400] {
        let end = soon(millis).trunc_subsecs(3);
        if sender.patch(&format!("{ONE}/{invitation}"), &json!({"expiresAt": end})).await.status == 200 {
            return end;
        }
    }
    panic!("a request takes longer than 6 s");
}

#[test]
fn accepting_while_it_is_taken_back_or_expires_has_one_outcome() {
    alone(async || {
        let system = System::with_namespace(&["user"]).await;
        let (other, server) = system.another_command_api().await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let there = bob.at(&other);
        let mut outcomes = [0; 4];
        for round in 0..8 {
            let (game, sent) = invite(&ann, &bob).await;
            let (game, sent) = (id(&game), id(&sent));
            let (accepted, cancelled) = join(answer(&there, &sent, "accepted"), answer(&ann, &sent, "cancelled")).await;
            let won = accepted.status == 200;
            (if won { &cancelled } else { &accepted }).refused(409, "errMsg_InvitationOver");
            assert_eq!(accepted.status + cancelled.status, 200 + 409, "round {round}");
            assert_eq!(outcome(&system, &game, &sent).await, (1, i64::from(won)));
            outcomes[usize::from(!won)] += 1;
        }
        // Some answers come just before the timer, some just after it.
        let games = join_all((0..8).map(async |_: i64| invite(&ann, &bob).await)).await;
        let late = join_all((0..).zip(&games).map(async |(round, (game, sent)): (i64, &(Value, Value))| {
            let (game, sent) = (id(game), id(sent));
            let end = ends_soon(&ann, &sent).await;
            let wait = (end - Utc::now()).num_milliseconds() - 16 + 4 * round;
            // Only the clock brings the moment of the race.
            tokio::time::sleep(std::time::Duration::from_millis(wait.max(0).unsigned_abs())).await;
            let accepted = answer(&there, &sent, "accepted").await;
            let ended = over(&bob, &sent).await;
            let won = accepted.status == 200;
            if !won {
                accepted.refused(400, "errMsg_InvitationExpired");
            }
            let status = if won { "accepted" } else { "cancelled" };
            has(&ended, &json!({"status": status, "expired": !won}));
            assert_eq!(outcome(&system, &game, &sent).await, (1, i64::from(won)));
            won
        }))
        .await;
        outcomes[2] = late.iter().filter(|won| **won).count();
        outcomes[3] = late.len() - outcomes[2];
        println!("accepted, taken back; accepted, expired: {outcomes:?}");
        eventually("no timer of an invitation is left", async || {
            (system.number("select count(*) from {s}.timers where kind = 'invitationEnd'").await == 0).then_some(())
        })
        .await;
        server.stop().await;
        system.end().await;
    });
}
