//! Who asks: the session behind a verified token, from a bounded cache that command-api's pushes keep right.

mod channel;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use event_schema::auth::user::Role;
use event_schema::ids::{SessionId, UserId};
use event_schema::wire::{Push, SessionFacts};
use futures_util::future::BoxFuture;
use moka::sync::Cache;

pub use channel::{Announcer, Channel};

use crate::error::{ApiError, SourceError};
use crate::token::{TokenError, Verifier, token_of};

/// Knows sessions by their id.
pub trait SessionSource: Send + Sync {
    /// The session as of now; `None` when there is none.
    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<SessionFacts>, SourceError>>;
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// The role now.
    pub role: Role,
    /// The access token itself, for requests in his name.
    pub token: String,
}

/// How long an entry may be used after the last moment at which it was known to be right.
const LIFE: Duration = Duration::from_secs(5);
/// No entry lives longer, whatever the push channel says.
const LONGEST: Duration = Duration::from_secs(60);
/// How many sessions are remembered.
const SESSIONS: u64 = 100_000;

#[derive(Clone)]
struct Entry {
    facts: SessionFacts,
    asked: Instant,
}

/// Remembered sessions. Shared by [`Sessions`], which asks it, and [`Channel`], which corrects it.
struct Memory {
    entries: Cache<SessionId, Entry>,
    /// Raised by whatever is forgotten: an answer that was asked for before is not remembered after.
    forgotten: AtomicU64,
}

impl Memory {
    fn new() -> Self {
        let entries = Cache::builder().max_capacity(SESSIONS).time_to_live(LONGEST).build();
        Self { entries, forgotten: AtomicU64::new(0) }
    }

    fn apply(&self, push: &Push) {
        match push {
            Push::SessionEnded(id) => self.forget_session(*id),
            Push::UserChanged(id) => self.forget_user(*id),
        }
    }

    fn forget_session(&self, id: SessionId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate(&id);
    }

    fn forget_user(&self, id: UserId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        for (session, entry) in &self.entries {
            if entry.facts.user_id == id {
                self.entries.invalidate(session.as_ref());
            }
        }
    }

    fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        for (session, _) in &self.entries {
            self.entries.invalidate(session.as_ref());
        }
    }

    /// Remembers an answer that was asked for when `forgotten` stood at `before`.
    fn remember(&self, facts: &SessionFacts, asked: Instant, before: u64) {
        self.entries.insert(facts.session_id, Entry { facts: facts.clone(), asked });
        if self.forgotten.load(Ordering::SeqCst) != before {
            self.entries.invalidate(&facts.session_id);
        }
    }
}

/// Finds the caller of a request. Clones share what is remembered.
///
/// An entry may be used for 5 s after it was asked for, or after the last beat of the push channel that came since: so
/// it lives long while pushes get here, and 5 s when they do not. Then the source is asked; if that does not answer
/// either, the request is a 503.
#[derive(Clone)]
pub struct Sessions {
    source: Arc<dyn SessionSource>,
    verifier: Verifier,
    push: Channel,
}

impl Sessions {
    /// `push` is the channel that keeps what is remembered right; one channel serves one `Sessions`.
    pub fn new(source: Arc<dyn SessionSource>, verifier: Verifier, push: Channel) -> Self {
        Self { source, verifier, push }
    }

    /// Who sends this request: 401 without a valid token, 503 when nobody can tell.
    pub async fn caller(&self, req: &HttpRequest) -> Result<Caller, ApiError> {
        let token = token_of(req).ok_or_else(ApiError::unauthenticated)?;
        self.caller_of_token(&token).await
    }

    /// As [`Sessions::caller`], for a token that came another way.
    pub async fn caller_of_token(&self, token: &str) -> Result<Caller, ApiError> {
        let claims = self.verifier.verify(token).await.map_err(|error| match error {
            TokenError::Invalid(reason) => ApiError::unauthenticated().because(reason),
            TokenError::Unavailable(source) => nobody_can_tell(source),
        })?;
        let facts = self.facts(claims.session_id).await.map_err(nobody_can_tell)?;
        match facts {
            Some(facts) if !facts.ended && facts.user_id == claims.user_id => Ok(Caller {
                user_id: facts.user_id,
                session_id: facts.session_id,
                role: facts.role,
                token: token.to_owned(),
            }),
            Some(_) | None => Err(ApiError::unauthenticated().because("the session has ended")),
        }
    }

    /// Forgets a session: the next request with it asks the source. For the process that ended it.
    pub fn forget_session(&self, id: SessionId) {
        self.push.memory().forget_session(id);
    }

    /// Forgets all sessions of a user. For the process that changed his role.
    pub fn forget_user(&self, id: UserId) {
        self.push.memory().forget_user(id);
    }

    async fn facts(&self, id: SessionId) -> Result<Option<SessionFacts>, SourceError> {
        let memory = self.push.memory();
        if let Some(entry) = memory.entries.get(&id) {
            let sure = self.push.last_beat().map_or(entry.asked, |beat| beat.max(entry.asked));
            if sure.elapsed() < LIFE {
                return Ok(Some(entry.facts));
            }
        }
        let (before, asked) = (memory.forgotten.load(Ordering::SeqCst), Instant::now());
        let facts = self.source.session(id).await?;
        if let Some(facts) = &facts {
            memory.remember(facts, asked, before);
        }
        Ok(facts)
    }
}

fn nobody_can_tell(source: SourceError) -> ApiError {
    ApiError::unavailable("the session cannot be checked now; nothing was done, try again", source)
}

#[cfg(test)]
mod tests;
