//! The push channel: command-api tells everybody who remembers sessions what has changed, and that it is there.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use async_nats::Client;
use event_schema::names::Namespace;
use event_schema::wire::{Push, push};
use futures_util::StreamExt;
use tokio::task::JoinHandle;

use super::Memory;

/// A longer gap between two beats may hide a push.
const GAP: Duration = Duration::from_secs(3);

/// Whether pushes get here, and what they correct.
#[derive(Clone)]
pub struct Channel {
    memory: Arc<Memory>,
    beat: Arc<RwLock<Option<Instant>>>,
}

impl Channel {
    /// No channel: entries live 5 s.
    pub fn none() -> Self {
        Self { memory: Arc::new(Memory::new()), beat: Arc::default() }
    }

    /// Listens to command-api's pushes for as long as the connection exists. Must be called within a tokio runtime.
    pub fn follow(client: Client, namespace: Namespace) -> Self {
        let channel = Self::none();
        let follower = channel.clone();
        tokio::spawn(async move {
            if let Err(error) = follower.listen(&client, &namespace).await {
                tracing::error!(%error, "session pushes cannot be followed; sessions are asked for every 5 s");
            }
        });
        channel
    }

    /// Whether a beat came within the last 3 s.
    pub fn is_up(&self) -> bool {
        self.last_beat().is_some_and(|beat| beat.elapsed() <= GAP)
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// When the channel was last known to be up.
    pub(super) fn last_beat(&self) -> Option<Instant> {
        *self.beat.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn listen(&self, client: &Client, namespace: &Namespace) -> Result<(), async_nats::SubscribeError> {
        let sessions = namespace.push_subject(push::SESSIONS);
        let mut messages = client.subscribe(namespace.push_subject(">")).await?;
        let mut connection = 0;
        while let Some(message) = messages.next().await {
            let now = client.statistics().connects.load(std::sync::atomic::Ordering::SeqCst);
            let same_connection = std::mem::replace(&mut connection, now) == now;
            if message.subject.as_str() == sessions {
                self.take(&message.payload);
            }
            self.beat(same_connection);
        }
        Ok(())
    }

    fn take(&self, payload: &[u8]) {
        match serde_json::from_slice::<Push>(payload) {
            Ok(push) => self.memory.apply(&push),
            Err(error) => {
                tracing::warn!(%error, "a session push cannot be read, forgetting all sessions");
                self.memory.forget_all();
            }
        }
    }

    /// Something came over the channel. After a gap or over a new connection a push may be missing: all is forgotten
    /// before the beat makes anything valid again.
    pub(super) fn beat(&self, same_connection: bool) {
        if !same_connection || !self.is_up() {
            self.memory.forget_all();
        }
        self.beaten_at(Instant::now());
    }

    pub(super) fn beaten_at(&self, time: Instant) {
        *self.beat.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(time);
    }
}

/// The sending end, in command-api: a beat each second and the pushes.
pub struct Announcer {
    client: Client,
    namespace: Namespace,
    beats: JoinHandle<()>,
}

impl Announcer {
    /// Starts the beats. Must be called within a tokio runtime.
    pub fn start(client: Client, namespace: Namespace) -> Self {
        let (sender, subject) = (client.clone(), namespace.push_subject(push::BEAT));
        let beats = tokio::spawn(async move {
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                seconds.tick().await;
                // A beat that waited for a connection would say what is no longer true.
                if crate::nats::is_connected(&sender)
                    && let Err(error) = sender.publish(subject.clone(), bytes::Bytes::new()).await
                {
                    tracing::warn!(%error, "the session beat could not be sent");
                }
            }
        });
        Self { client, namespace, beats }
    }

    /// Tells everybody. Without a connection it is sent when there is one again.
    pub async fn publish(&self, push: &Push) {
        let sent = match serde_json::to_vec(push) {
            Ok(payload) => {
                let subject = self.namespace.push_subject(push::SESSIONS);
                let publish = self.client.publish(subject, payload.into());
                match tokio::time::timeout(Duration::from_secs(1), publish).await {
                    Ok(result) => result.map_err(|e| e.to_string()),
                    Err(_) => Err("the buffer is full".to_owned()),
                }
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            tracing::warn!(error, "a session push could not be sent; other processes learn it within a minute");
        }
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.beats.abort();
    }
}
