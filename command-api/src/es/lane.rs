//! One connection of the appender: calls the append function with a batch until it has an answer.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use service::telemetry::chain;
use tokio::sync::oneshot;
use tokio_postgres::error::Severity;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use super::batch::{Arrays, One};
use super::history::{COLUMNS, ReadError, recorded};
use super::item::{AppendError, Item, Outcome};

/// Plans made once and never again: every query is by primary key.
const SESSION: &str = "set plan_cache_mode = force_generic_plan; set enable_hashjoin = off; set enable_mergejoin = off; \
                       set enable_seqscan = off; set enable_material = off; set jit = off; set synchronous_commit = on; \
                       set application_name = 'wechess append'";
/// Pauses between attempts to reach PostgreSQL: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// Longer than any healthy flush; a hung connection is given up and the batch sent again on a new one.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Classes of errors that pass: connection, read-only, deadlock and serialization, resources (a full disk), lock not
/// available, server going or canceled, system, internal.
const PASSING: &[&str] = &["08", "25006", "40", "53", "55P03", "57", "58", "XX"];

/// An item that waits for its outcome.
pub struct Waiting {
    /// The item.
    pub item: Item,
    /// Where the outcome goes.
    pub reply: oneshot::Sender<Result<Outcome, AppendError>>,
    /// After this nobody waits any more: the outcome is unknown.
    pub deadline: Instant,
    /// Its share of the queue's bounds, given back when it is answered.
    pub _permits: [tokio::sync::OwnedSemaphorePermit; 2],
}

struct Connection {
    client: Client,
    append: Statement,
    append_one: Statement,
    missed: Statement,
}

/// What a call came to.
enum Called {
    Answered(Vec<Outcome>),
    /// The connection is gone or the server is going: the outcome is unknown, the same batch may be sent again.
    Lost,
    /// The server cannot be reached, or takes no writes for now: nothing was written, the same batch may be sent again.
    Declined(String),
    /// The server refused the batch as a whole; nothing was written.
    Refused(String),
}

/// A lane of the appender.
pub struct Lane {
    config: tokio_postgres::Config,
    append_sql: String,
    append_one_sql: String,
    missed_sql: String,
    connection: Option<Connection>,
}

impl Lane {
    /// A lane that is not connected yet: a batch of nothing connects it.
    pub fn new(config: tokio_postgres::Config, schema: &str) -> Self {
        let missed_sql = format!(
            "select {COLUMNS} from unnest($1::uuid[], $2::int[]) u(s, v), lateral (select * from {schema}.events e \
             where e.stream_id = u.s and e.version > u.v order by e.version limit 256) e order by position"
        );
        let (append_sql, append_one_sql) = (Arrays::statement(schema), One::statement(schema));
        Self { config, append_sql, append_one_sql, missed_sql, connection: None }
    }

    /// Answers every item of the batch. Returns the highest position that it appended, 0 for none.
    pub async fn carry(&mut self, batch: Vec<Waiting>) -> i64 {
        self.carry_after(false, batch).await
    }

    /// The same, where it is known whether an attempt with these items was lost before.
    async fn carry_after(&mut self, lost: bool, batch: Vec<Waiting>) -> i64 {
        let (batch, late): (Vec<_>, Vec<_>) = batch.into_iter().partition(|w| !w.reply.is_closed());
        drop(late);
        if batch.is_empty() {
            self.open().await;
            return 0;
        }
        let (called, lost) = self.call_until_known(lost, &batch).await;
        match called {
            Called::Answered(outcomes) => answer(batch, outcomes),
            Called::Refused(reason) if batch.len() > 1 => {
                tracing::warn!(items = batch.len(), reason, "a batch was refused as a whole and is tried item by item");
                metrics::counter!("wechess_append_sifted_batches").increment(1);
                let mut highest = 0;
                for waiting in batch {
                    highest = highest.max(Box::pin(self.carry_after(lost, vec![waiting])).await);
                }
                highest
            }
            Called::Lost | Called::Declined(_) | Called::Refused(_) => fail(batch, || unanswered(&called, lost)),
        }
    }

    /// Sends the same batch again and again while nobody can tell what became of it, or the server declines it for now:
    /// the command ids answer for what was done. Says as well whether an attempt was lost, now or before.
    async fn call_until_known(&mut self, lost: bool, batch: &[Waiting]) -> (Called, bool) {
        let deadline = batch.iter().map(|w| w.deadline).max();
        let (mut pause, mut lost) = (RETRY.0, lost);
        loop {
            let called = self.call(batch).await;
            match called {
                Called::Answered(_) | Called::Refused(_) => return (called, lost),
                Called::Lost => {
                    lost = true;
                    self.connection = None;
                }
                Called::Declined(_) => {}
            }
            if deadline.is_none_or(|deadline| Instant::now() + pause >= deadline) {
                return (called, lost);
            }
            metrics::counter!("wechess_append_retries").increment(1);
            // The foreign condition "PostgreSQL is back" has nothing to await but another attempt.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }

    async fn call(&mut self, batch: &[Waiting]) -> Called {
        if let Some(reason) = self.open().await {
            return Called::Declined(reason);
        }
        let Some(connection) = &self.connection else { return Called::Lost };
        let call = tokio::time::timeout(CALL_TIMEOUT, connection.call(batch));
        match call.await {
            Ok(Ok(outcomes)) => Called::Answered(outcomes),
            Ok(Err(error)) => classify(&error),
            Err(_) => Called::Lost,
        }
    }

    /// Connects if it is not. Says why it could not: nothing was sent then.
    async fn open(&mut self) -> Option<String> {
        if self.connection.is_some() {
            return None;
        }
        let reason = match tokio::time::timeout(CALL_TIMEOUT, self.connect()).await {
            Ok(Ok(connection)) => {
                self.connection = Some(connection);
                return None;
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("no connection within {CALL_TIMEOUT:?}"),
        };
        tracing::warn!(error = reason, "the appender cannot connect to PostgreSQL");
        Some(reason)
    }

    async fn connect(&self) -> Result<Connection, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the appender lost its connection");
            }
        });
        client.batch_execute(SESSION).await?;
        let append = client.prepare(&self.append_sql).await?;
        let append_one = client.prepare(&self.append_one_sql).await?;
        let missed = client.prepare(&self.missed_sql).await?;
        Ok(Connection { client, append, append_one, missed })
    }
}

impl Connection {
    async fn call(&self, batch: &[Waiting]) -> Result<Vec<Outcome>, tokio_postgres::Error> {
        if let [alone] = batch
            && let Some(outcome) = self.call_one(&alone.item).await?
        {
            return Ok(vec![outcome]);
        }
        let arrays = Arrays::of(batch.iter().map(|w| &w.item));
        let row = self.client.query_one(&self.append, &arrays.params()).await?;
        let at: DateTime<Utc> = row.try_get(0)?;
        let (outcomes, values): (Vec<i16>, Vec<i64>) = (row.try_get(1)?, row.try_get(2)?);
        let details: Vec<Option<String>> = row.try_get(3)?;
        let mut answers: Vec<Outcome> = outcomes
            .iter()
            .zip(values)
            .zip(details)
            .map(|((outcome, value), detail)| match outcome {
                0 => Outcome::Appended { position: value, at },
                1 => Outcome::Already { position: value },
                3 => Outcome::KeyTaken { key: detail.unwrap_or_default() },
                _ => Outcome::Conflict {
                    stream: detail.and_then(|d| d.parse().ok()).unwrap_or_default(),
                    missed: Vec::new(),
                    version: i32::try_from(value).unwrap_or(i32::MAX),
                },
            })
            .collect();
        // What was appended stands by now, whatever comes of this: who has nothing to go on from reads the state row.
        if let Err(error) = self.fetch_missed(&mut answers, batch).await {
            tracing::warn!(error = chain(&error), "the events that commands in conflict missed cannot be read");
        }
        Ok(answers)
    }

    /// What most items are that come alone, in a cheaper way; none if it is no such one, or was not appended.
    async fn call_one(&self, item: &Item) -> Result<Option<Outcome>, tokio_postgres::Error> {
        let Some(one) = One::of(item) else { return Ok(None) };
        let row = self.client.query_one(&self.append_one, &one.params()).await?;
        let (at, position): (Option<DateTime<Utc>>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(at.zip(position).map(|(at, position)| Outcome::Appended { position, at }))
    }

    /// Adds to each conflict the events that its command did not know; to none when one of them cannot be read.
    async fn fetch_missed(&self, answers: &mut [Outcome], batch: &[Waiting]) -> Result<(), ReadError> {
        let (mut streams, mut versions) = (Vec::<Uuid>::new(), Vec::<i32>::new());
        for (answer, waiting) in answers.iter().zip(batch) {
            if let Outcome::Conflict { stream, .. } = answer {
                let expected = waiting.item.writes.iter().find(|w| w.stream == *stream).map_or(0, |w| w.expected);
                streams.push(*stream);
                versions.push(expected);
            }
        }
        if streams.is_empty() {
            return Ok(());
        }
        metrics::counter!("wechess_append_conflicts").increment(streams.len() as u64);
        let rows = self.client.query(&self.missed, &[&streams, &versions]).await?;
        let events = rows.iter().map(recorded).collect::<Result<Vec<_>, _>>()?;
        for answer in answers {
            if let Outcome::Conflict { stream, missed, .. } = answer {
                *missed = events.iter().filter(|e| e.stream_id == *stream).cloned().collect();
            }
        }
        Ok(())
    }
}

/// Whether an error means "nobody knows", "try again" or "this batch will never pass".
fn classify(error: &tokio_postgres::Error) -> Called {
    let Some(database) = error.as_db_error() else {
        tracing::warn!(%error, "the appender lost its connection in a call");
        return Called::Lost;
    };
    let code = database.code().code();
    tracing::warn!(code, message = database.message(), "the log refused a batch");
    // After an ERROR the statement is undone. What ends the connection may come after the commit.
    let undone = database.parsed_severity() == Some(Severity::Error);
    let reason = format!("{code} {}", database.message());
    match (undone, PASSING.iter().any(|class| code.starts_with(class))) {
        (false, _) => Called::Lost,
        (true, true) => Called::Declined(reason),
        (true, false) => Called::Refused(reason),
    }
}

/// What an item is told that has no outcome. Once an attempt was lost, no later refusal makes it undone.
fn unanswered(called: &Called, lost: bool) -> AppendError {
    match called {
        Called::Declined(reason) if !lost => AppendError::Unwritable(reason.clone()),
        Called::Refused(reason) if !lost => AppendError::Refused(reason.clone()),
        Called::Answered(_) | Called::Lost | Called::Declined(_) | Called::Refused(_) => AppendError::Unknown,
    }
}

fn answer(batch: Vec<Waiting>, outcomes: Vec<Outcome>) -> i64 {
    let mut highest = 0;
    for (waiting, outcome) in batch.into_iter().zip(outcomes) {
        if let Outcome::Appended { position, .. } = &outcome {
            let events = waiting.item.writes.iter().map(|w| w.events.len()).sum::<usize>();
            highest = highest.max(position + i64::try_from(events).unwrap_or(1) - 1);
        }
        // Nobody waits any more: the client went away, the command stands.
        drop(waiting.reply.send(Ok(outcome)));
    }
    highest
}

fn fail(batch: Vec<Waiting>, error: impl Fn() -> AppendError) -> i64 {
    for waiting in batch {
        drop(waiting.reply.send(Err(error())));
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_that_nothing_was_written_once_an_attempt_was_lost() {
        let (declined, refused) = (Called::Declined("57014 stopped".into()), Called::Refused("23514 no".into()));
        assert!(matches!(unanswered(&declined, false), AppendError::Unwritable(_)));
        assert!(matches!(unanswered(&refused, false), AppendError::Refused(_)));
        for called in [declined, refused, Called::Lost] {
            assert!(matches!(unanswered(&called, true), AppendError::Unknown));
        }
    }
}
