//! From the log to the event stream: the sequence in the stream is the position in the log.
//!
//! Every publish says which sequence must be the last before it, which orders, deduplicates and fences a second relay in
//! one rule. The relay's checkpoint is the stream's own tail. The stream is a window on the log and can be lost at any
//! time: it begins anew where its readers are, who read what is older from the log.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use event_schema::envelope::Recorded;
use event_schema::names::Namespace;
use futures_util::{FutureExt, StreamExt};
use service::BoxError;
use tokio::time::Instant;
use uuid::Uuid;

use crate::guards::Guard;
use crate::log::{Log, LogError, RANGE, Read};
use crate::status::Status;

/// The log is looked at so often without a poke.
const SWEEP: Duration = Duration::from_millis(50);
/// An idle stream is looked at so often.
const EVERY: Duration = Duration::from_secs(1);
/// No request to NATS takes longer when it is well.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Waits between tries.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// What is further back is read from the log.
const FAR: i64 = 10_000;
/// The key of the log's id in the stream's metadata.
const LOG_ID: &str = "logId";

/// The relay.
pub struct Relay {
    /// NATS.
    pub client: async_nats::Client,
    /// The log.
    pub log: Log,
    /// Its id.
    pub log_id: Uuid,
    /// Names.
    pub namespace: Namespace,
    /// The window's size.
    pub max_bytes: i64,
    /// How far the views are.
    pub status: Arc<Status>,
}

impl Relay {
    /// Relays until the log cannot be read.
    pub async fn run(&self) -> LogError {
        let mut pause = BACKOFF.0;
        loop {
            let begun = Instant::now();
            let error = match self.relay().await {
                Err(error) => error,
                Ok(never) => match never {},
            };
            self.status.relayed.send_replace(-1);
            match error.downcast::<LogError>() {
                Ok(log) => return *log,
                Err(error) => tracing::warn!(error = service::telemetry::chain(error.as_ref()), "relaying again"),
            }
            pause = if begun.elapsed() > BACKOFF.1 { BACKOFF.0 } else { (pause * 2).min(BACKOFF.1) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn relay(&self) -> Result<std::convert::Infallible, BoxError> {
        while !service::nats::is_connected(&self.client) {
            tokio::time::sleep(SWEEP).await;
        }
        let context = jetstream::ContextBuilder::new().timeout(TIMEOUT).build(self.client.clone());
        let mut pokes = self.client.subscribe(self.namespace.poke_subject()).await?;
        let mut last = self.ready_stream(&context).await?;
        let mut looked = Instant::now();
        let mut range = self.log.after(last, RANGE).await?;
        loop {
            self.status.relayed.send_replace(last);
            if range.is_empty() {
                tokio::select! {
                    _ = pokes.next() => while let Some(Some(_)) = pokes.next().now_or_never() {},
                    () = tokio::time::sleep(SWEEP) => {}
                }
                if looked.elapsed() >= EVERY {
                    looked = Instant::now();
                    self.look(&context, last).await?;
                }
                range = self.log.after(last, RANGE).await?;
                continue;
            }
            (last, range) = self.publish(&context, last, range).await?;
        }
    }

    /// Publishes a range, and reads the next one while the server writes this one down.
    async fn publish(
        &self,
        context: &jetstream::Context,
        last: i64,
        range: Vec<Read>,
    ) -> Result<(i64, Vec<Read>), BoxError> {
        let mut acks: Vec<PublishAckFuture> = Vec::with_capacity(range.len());
        let mut position = last;
        for read in &range {
            if read.event.position != position + 1 {
                return Err(format!("position {} follows {position} in the log", read.event.position).into());
            }
            let mut message = PublishMessage::build().payload(serde_json::to_vec(&read.event)?.into());
            if Guard::ExpectedSequence.holds() {
                message = message.expected_last_sequence(u64::try_from(position)?);
            }
            acks.push(context.send_publish(self.subject(&read.event), message).await?);
            position += 1;
        }
        let full = range.len() as i64 >= RANGE / 2;
        let (acknowledged, next) = tokio::join!(
            async {
                for ack in acks {
                    ack.await?;
                }
                Ok::<_, BoxError>(())
            },
            async { if full { self.log.after(position, RANGE).await } else { Ok(Vec::new()) } }
        );
        acknowledged?;
        metrics::counter!("wechess_relayed_total").increment(range.len() as u64);
        Ok((position, next?))
    }

    /// The subject of an event; what is no word in a subject is replaced, so that no event can stop the relay.
    fn subject(&self, event: &Recorded) -> String {
        let word = |text: &str| -> String {
            let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
            if text.is_empty() { "_".to_owned() } else { text.chars().map(plain).collect() }
        };
        self.namespace.event_subject(&word(&event.category), &word(&event.kind))
    }

    /// Whether an idle stream is as we left it.
    async fn look(&self, context: &jetstream::Context, last: i64) -> Result<(), BoxError> {
        let found = context.get_stream(self.namespace.events_stream()).await?;
        let info = found.cached_info();
        let ours = info.config.metadata.get(LOG_ID) == Some(&self.log_id.to_string());
        if ours && u64::try_from(last) == Ok(info.state.last_sequence) {
            return Ok(());
        }
        Err(format!("the stream is not as it was left: its last sequence is {}, not {last}", info.state.last_sequence)
            .into())
    }

    /// The stream, of this log and no further than it; made anew if it is not so. Its last sequence.
    async fn ready_stream(&self, context: &jetstream::Context) -> Result<i64, BoxError> {
        let name = self.namespace.events_stream();
        let found = match context.get_stream(&name).await {
            Ok(found) => Some(found),
            Err(error) if missing(&error) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(found) = found {
            match self.stranger(&found).await? {
                None => {
                    let info = found.cached_info();
                    if info.config.max_bytes != self.max_bytes {
                        let config = stream::Config { max_bytes: self.max_bytes, ..info.config.clone() };
                        context.update_stream(config).await?;
                    }
                    return Ok(i64::try_from(info.state.last_sequence)?);
                }
                Some(why) => {
                    tracing::warn!(stream = name, why, "deleting a stream that is not of this log");
                    context.delete_stream(&name).await?;
                }
            }
        }
        let first = self.first_sequence().await?;
        let made = context.create_stream(self.config(name.clone(), first)).await?;
        tracing::info!(stream = name, first, "made the event stream");
        Ok(i64::try_from(made.cached_info().state.last_sequence)?)
    }

    /// Why a stream cannot go on as that of this log; none if it can.
    async fn stranger(&self, found: &stream::Stream) -> Result<Option<String>, BoxError> {
        let info = found.cached_info();
        if info.config.metadata.get(LOG_ID) != Some(&self.log_id.to_string()) {
            return Ok(Some("its log id is another".to_owned()));
        }
        let last = i64::try_from(info.state.last_sequence)?;
        if last == 0 {
            return Ok(None);
        }
        let tail = self.log.head().await?.map_or(0, |head| head.tail);
        if last > tail {
            return Ok(Some(format!("its last sequence {last} is beyond the log's tail {tail}")));
        }
        let message = match found.get_raw_message(info.state.last_sequence).await {
            Ok(message) => message,
            Err(error) if error.kind() == stream::RawMessageErrorKind::NoMessageFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let there = serde_json::from_slice::<Recorded>(&message.payload).ok().map(|e| (e.command_id, e.ordinal));
        let same = there.is_some() && there == self.log.at(last).await?;
        Ok((!same).then(|| format!("its last message is not the event at position {last}")))
    }

    /// Where a new stream begins.
    async fn first_sequence(&self) -> Result<i64, LogError> {
        let deadline = Instant::now() + EVERY;
        while self.status.lowest().is_none() && Instant::now() < deadline {
            tokio::time::sleep(SWEEP).await;
        }
        let tail = self.log.head().await?.map_or(0, |head| head.tail);
        Ok(first_of(self.status.lowest(), tail))
    }

    fn config(&self, name: String, first: i64) -> stream::Config {
        stream::Config {
            name,
            description: Some("The newest part of weChess's event log: sequence = position.".to_owned()),
            subjects: vec![self.namespace.events_subjects()],
            storage: stream::StorageType::File,
            retention: stream::RetentionPolicy::Limits,
            discard: stream::DiscardPolicy::Old,
            max_bytes: self.max_bytes,
            duplicate_window: Duration::from_millis(100),
            first_sequence: u64::try_from(first).ok(),
            metadata: [(LOG_ID.to_owned(), self.log_id.to_string())].into(),
            ..stream::Config::default()
        }
    }
}

/// Behind the view that is least far; at the log's tail if that is not known, or if all would have to be published that
/// nobody reads from the stream: a view that is far behind reads the log.
fn first_of(lowest: Option<i64>, tail: i64) -> i64 {
    let lowest = lowest.unwrap_or(tail).min(tail);
    if tail - lowest > FAR { tail + 1 } else { lowest + 1 }
}

fn missing(error: &jetstream::context::GetStreamError) -> bool {
    match error.kind() {
        jetstream::context::GetStreamErrorKind::JetStream(error) => {
            error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND
        }
        jetstream::context::GetStreamErrorKind::EmptyName
        | jetstream::context::GetStreamErrorKind::InvalidStreamName
        | jetstream::context::GetStreamErrorKind::Request => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_stream_begins_behind_its_readers_unless_they_read_the_log_anyway() {
        assert_eq!([first_of(Some(7), 10), first_of(Some(12), 10), first_of(None, 10)], [8, 11, 11]);
        assert_eq!([first_of(Some(0), FAR), first_of(Some(0), FAR + 1)], [1, FAR + 2]);
    }
}
