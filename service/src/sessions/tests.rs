use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use actix_web::test::TestRequest;
use event_schema::wire::Push;

use super::*;
use crate::token::tests::{Keys, OURS, claims};

/// One session, that of the token; counts how often it is asked.
struct Source {
    facts: Mutex<Option<SessionFacts>>,
    asked: AtomicUsize,
    down: AtomicBool,
}

impl SessionSource for Source {
    fn session(&self, _: SessionId) -> BoxFuture<'_, Result<Option<SessionFacts>, SourceError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.down.load(Ordering::SeqCst) {
                return Err(SourceError::new("the test", "down"));
            }
            Ok(self.facts.lock().unwrap().clone())
        })
    }
}

impl Source {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn change(&self, edit: impl FnOnce(&mut SessionFacts)) {
        edit(self.facts.lock().unwrap().as_mut().unwrap());
    }
}

fn world(push: Channel) -> (Arc<Source>, Sessions, String) {
    let claims = claims(60);
    let facts = SessionFacts { session_id: claims.session_id, user_id: claims.user_id, role: Role::User, ended: false };
    let source = Arc::new(Source { facts: Mutex::new(Some(facts)), asked: 0.into(), down: false.into() });
    let verifier = Verifier::new(Arc::new(Keys::default()));
    (source.clone(), Sessions::new(source, verifier, push), OURS.sign(Some("k1"), &claims))
}

/// Lets the entry look as if it had been asked for, and the beat as if it had come, this long ago.
fn age(sessions: &Sessions, seconds: u64) {
    let past = Instant::now() - Duration::from_secs(seconds);
    for (id, entry) in &sessions.push.memory().entries {
        sessions.push.memory().entries.insert(*id, Entry { asked: past, ..entry });
    }
    sessions.push.beaten_at(past);
}

#[actix_web::test]
async fn a_session_is_asked_for_once_and_forgotten_on_demand() {
    let (source, sessions, token) = world(Channel::none());
    assert_eq!(sessions.caller_of_token(&token).await.unwrap().role, Role::User);
    let caller = sessions.caller_of_token(&token).await.unwrap();
    assert_eq!(source.asked(), 1);
    source.change(|facts| facts.role = Role::Admin);
    sessions.forget_user(caller.user_id);
    assert_eq!(sessions.caller_of_token(&token).await.unwrap().role, Role::Admin);
    source.change(|facts| facts.ended = true);
    sessions.forget_session(caller.session_id);
    assert_eq!(sessions.caller_of_token(&token).await.unwrap_err().status(), 401);
}

#[actix_web::test]
async fn pushes_correct_what_is_remembered() {
    let (source, sessions, token) = world(Channel::none());
    let caller = sessions.caller_of_token(&token).await.unwrap();
    for push in [Push::UserChanged(caller.user_id), Push::SessionEnded(caller.session_id)] {
        let before = source.asked();
        sessions.push.memory().apply(&push);
        sessions.caller_of_token(&token).await.unwrap();
        assert_eq!(source.asked(), before + 1, "{push:?}");
    }
}

#[actix_web::test]
async fn while_pushes_come_an_entry_lives_long() {
    let (source, sessions, token) = world(Channel::none());
    sessions.caller_of_token(&token).await.unwrap();
    age(&sessions, 30);
    sessions.push.beaten_at(Instant::now());
    sessions.caller_of_token(&token).await.unwrap();
    assert_eq!(source.asked(), 1);
}

#[actix_web::test]
async fn without_pushes_an_entry_lives_5_seconds_and_then_nobody_can_tell() {
    let (source, sessions, token) = world(Channel::none());
    sessions.caller_of_token(&token).await.unwrap();
    source.down.store(true, Ordering::SeqCst);
    age(&sessions, 4);
    assert!(sessions.caller_of_token(&token).await.is_ok());
    age(&sessions, 6);
    assert_eq!(sessions.caller_of_token(&token).await.unwrap_err().status(), 503);
    source.down.store(false, Ordering::SeqCst);
    assert!(sessions.caller_of_token(&token).await.is_ok());
}

#[actix_web::test]
async fn a_gap_or_a_new_connection_forgets_all() {
    let (source, sessions, token) = world(Channel::none());
    for (beat_age, same_connection, asks) in [(1, true, 0), (1, false, 1), (10, true, 1)] {
        sessions.push.beat(true);
        sessions.caller_of_token(&token).await.unwrap();
        let before = source.asked();
        sessions.push.beaten_at(Instant::now() - Duration::from_secs(beat_age));
        sessions.push.beat(same_connection);
        assert!(sessions.push.is_up());
        sessions.caller_of_token(&token).await.unwrap();
        assert_eq!(source.asked() - before, asks, "{beat_age} {same_connection}");
    }
}

#[test]
fn an_answer_that_was_overtaken_is_not_remembered() {
    let (source, sessions, _) = world(Channel::none());
    let facts = source.facts.lock().unwrap().clone().unwrap();
    let memory = sessions.push.memory();
    let before = memory.forgotten.load(Ordering::SeqCst);
    memory.forget_session(facts.session_id);
    memory.remember(&facts, Instant::now(), before);
    assert!(memory.entries.get(&facts.session_id).is_none());
}

#[actix_web::test]
async fn a_request_without_a_token_or_session_is_unauthenticated() {
    let (source, sessions, token) = world(Channel::none());
    let none = sessions.caller(&TestRequest::default().to_http_request()).await.unwrap_err();
    assert_eq!(none.status(), 401);
    source.change(|facts| facts.user_id = UserId(uuid::Uuid::from_u128(9)));
    assert_eq!(sessions.caller_of_token(&token).await.unwrap_err().status(), 401);
    sessions.forget_user(UserId(uuid::Uuid::from_u128(9)));
    *source.facts.lock().unwrap() = None;
    assert_eq!(sessions.caller_of_token(&token).await.unwrap_err().status(), 401);
}
