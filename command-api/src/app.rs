//! What all handlers share.

use std::sync::Arc;
use std::time::Duration;

use event_schema::ids::{SessionId, UserId};
use event_schema::wire::Push;
use futures_util::future::BoxFuture;
use service::sessions::{Announcer, Sessions};
use tokio::sync::Semaphore;

use crate::auth::keys::{PublicKeys, Signer};
use crate::auth::password::Passwords;
use crate::auth::session::SessionRows;
use crate::es::store::{Failure, Store};
use crate::es::timers::{Due, Fired, Firing};
use crate::gameplay::{invitation, timers};
use crate::http::limits::Limits;

/// The service.
pub struct App {
    /// Carries out commands.
    pub store: Arc<Store>,
    /// Who asks.
    pub sessions: Arc<Sessions>,
    /// The rows behind it.
    pub session_rows: SessionRows,
    /// Tells the other processes what ended or changed.
    pub announcer: Announcer,
    /// Signs tokens.
    pub signer: Signer,
    /// Verifies tokens, for whoever asks.
    pub public_keys: PublicKeys,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Places for imports: each keeps a core busy.
    pub imports: Arc<Semaphore>,
    /// How often an address or a user may call what is limited.
    pub limits: Limits,
    /// How long an open game waits for its second player.
    pub open_game: Duration,
    /// How long a saved public game waits to be resumed.
    pub paused_game: Duration,
    /// Development settings: cookies without `Secure`.
    pub development: bool,
}

impl App {
    /// A session ended: at once here, within a moment elsewhere.
    pub async fn session_ended(&self, session: SessionId) {
        self.sessions.forget_session(session);
        self.announcer.publish(&Push::SessionEnded(session)).await;
    }

    /// The role or existence of a user changed.
    pub async fn user_changed(&self, user: UserId) {
        self.sessions.forget_user(user);
        self.announcer.publish(&Push::UserChanged(user)).await;
    }
}

/// What timers do, by kind.
pub struct Timers {
    /// Carries out their commands.
    pub store: Arc<Store>,
}

impl Firing for Timers {
    fn fire(&self, due: &Due) -> BoxFuture<'_, Result<Fired, Failure>> {
        let due = due.clone();
        Box::pin(async move {
            match due.kind.as_str() {
                timers::OPEN_GAME_EXPIRY => timers::expire(&self.store, &due).await,
                timers::FLAG => timers::flag(&self.store, &due).await,
                timers::PAUSE_EXPIRY => timers::expire_pause(&self.store, &due).await,
                invitation::END => invitation::end::fire(&self.store, &due).await,
                other => {
                    tracing::error!(kind = other, stream = %due.stream, "a timer of an unknown kind is dropped");
                    Ok(Fired::Done)
                }
            }
        })
    }
}
