//! One who reads live: his list, then what enters, changes and leaves it.

use std::collections::HashMap;
use std::time::Duration;

use actix_web::web::Data;
use bytes::Bytes;
use event_schema::position::LogPosition;
use serde_json::{Value, json};
use service::error::ApiError;
use service::http::Stopping;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use uuid::Uuid;

use super::event::{Events, LastEventId, Name};
use super::feed::{Batch, Hold, News, Place};
use super::seats::Seat;
use super::subject::{Subject, newer};
use crate::App;
use crate::answer;
use crate::cache::Mark;
use crate::es::{EsError, Search};
use crate::query::compile::{query, search};
use crate::query::expr::Filter;
use crate::request::found;
use crate::watermarks::Need;

/// How long a list waits for the projector's first word, and for the watermark to be as far as that.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is asked whether the session is still good, at least.
const CHECK: Duration = Duration::from_secs(2);
/// A reader hears at least this often.
const BEAT: Duration = Duration::from_secs(15);
/// What a browser waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// Why nothing more comes.
#[derive(Clone, Copy, Debug)]
enum End {
    Slow,
    Session,
    Role,
    Unavailable,
    Shutdown,
}

impl End {
    fn told(self) -> Value {
        let (reason, detail) = match self {
            Self::Slow => ("slow", "you read more slowly than the view changes; connect again and read faster"),
            Self::Session => ("session", "the session has ended; log in again"),
            Self::Role => ("role", "your role has changed; connect again"),
            Self::Unavailable => ("unavailable", "the session cannot be checked now; connect again"),
            Self::Shutdown => ("shutdown", "the service ends; connect again"),
        };
        json!({"reason": reason, "detail": detail})
    }
}

/// A live read.
pub struct Reader {
    app: Data<App>,
    subject: Subject,
    /// Of what he reads; stands in the ids of his events.
    digest: String,
    hold: Option<Hold>,
    changes: Option<watch::Receiver<u64>>,
    /// The number of the next news.
    next: u64,
    /// He was told everything up to here.
    at: LogPosition,
    /// Documents of the list that are newer than it promises, and the positions of their last events.
    newer: HashMap<Uuid, i64>,
    /// His list must be taken anew.
    lost: bool,
    ticks: Interval,
    said: Instant,
    stopping: Stopping,
    _seat: Seat,
}

impl Reader {
    /// Nothing is asked yet.
    pub fn new(app: Data<App>, subject: Subject, stopping: Stopping, seat: Seat) -> Self {
        let known = app.freshness.watermarks().of(subject.view);
        let hold = known.and_then(|known| app.live.feeds.hold(subject.view, known));
        let changes = hold.as_ref().map(|hold| hold.changes());
        let mut ticks = tokio::time::interval(CHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let at = LogPosition { log: Uuid::nil(), position: 0 };
        let (newer, said) = (HashMap::new(), Instant::now());
        let digest = subject.digest(&app.signer);
        Self {
            app,
            subject,
            digest,
            hold,
            changes,
            next: 0,
            at,
            newer,
            lost: false,
            ticks,
            said,
            stopping,
            _seat: seat,
        }
    }

    /// The first bytes: the list, or nothing but a greeting where he can go on.
    pub async fn begin(&mut self, since: Option<LastEventId>) -> Result<Bytes, ApiError> {
        self.is_heard().await;
        self.next = self.changes.as_mut().map_or(0, |changes| *changes.borrow_and_update());
        let mut text = format!("retry: {RETRY_MS}\n\n");
        let mark = Mark::now(&self.app, self.subject.view);
        let reason = if since.is_some() { "gap" } else { "start" };
        if let (Some(since), Some(hold)) = (since.filter(|since| since.digest == self.digest), &self.hold)
            && let Place::At(number) = hold.place(since.at, mark.as_ref())
        {
            (self.next, self.at) = (number, since.at);
            text.push_str(": going on\n\n");
            return Ok(text.into());
        }
        let list = self.list(reason).await?;
        Ok([text.as_bytes(), &list].concat().into())
    }

    /// Waits until the projector tells the changes of the view, and until a search sees what they follow.
    async fn is_heard(&mut self) {
        let (Some(hold), Some(changes)) = (&self.hold, &self.changes) else { return };
        let mut changes = changes.clone();
        let first = async { while hold.heard().is_none() && changes.changed().await.is_ok() {} };
        // Without that word the list is taken anyway, and anew when it may have missed something.
        drop(tokio::time::timeout(PATIENCE, first).await);
        self.is_searchable().await;
    }

    async fn is_searchable(&self) {
        let heard = self.hold.as_ref().and_then(|hold| hold.heard());
        let Some((heard, known)) = heard.zip(self.app.freshness.watermarks().of(self.subject.view)) else { return };
        let mut known = known.subscribe();
        let there = known.wait_for(|known| known.mark(Need::Searchable).is_some_and(|mark| mark.position >= heard));
        drop(tokio::time::timeout(PATIENCE, there).await);
    }

    /// The list as it is now, as an event.
    async fn list(&mut self, reason: &str) -> Result<Bytes, ApiError> {
        let (app, subject) = (&self.app, &self.subject);
        let view = subject.view;
        let Some(mark) = Mark::now(app, view) else {
            let told = "nothing is known of this view yet; try again";
            return Err(ApiError::unavailable(told, "no watermark").retry_after(1));
        };
        let body =
            search(query(&subject.rule, subject.filter.as_ref(), None), &subject.page.window(subject.sort.clone()));
        let asked = Search::new(mark.index(app, view), &body);
        let found = found(app, &asked, subject.filter.as_ref().is_some_and(Filter::has_regexp)).await?;
        self.at = mark.position();
        self.newer = newer(&found, self.at.position);
        let items = answer::items(&self.subject.fields, &found).map_err(EsError::into_api)?;
        let data = json!({"reason": reason, "total": found.total, "items": items});
        let mut events = Events::of(&self.digest);
        events.push(Name::Snapshot, Some(self.at), &data);
        let bytes = events.into_bytes();
        self.said = Instant::now();
        Ok(bytes)
    }

    /// What he is told next, and whether it is the last.
    pub async fn next(&mut self) -> (Bytes, bool) {
        loop {
            let news = self.hold.as_ref().map_or(Ok(None), |hold| hold.get(self.next));
            match news {
                Err(_) => return self.end(End::Slow),
                Ok(Some(news)) => {
                    self.next += 1;
                    match self.take(news).await {
                        Ok(None) => {}
                        Ok(Some(bytes)) => return (bytes, false),
                        Err(end) => return self.end(end),
                    }
                    continue;
                }
                Ok(None) => {}
            }
            let more = async {
                match &mut self.changes {
                    // A feed lives as long as the process.
                    Some(changes) => drop(changes.changed().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.stopping.begun() => return self.end(End::Shutdown),
                () = more => {}
                _ = self.ticks.tick() => match self.tick().await {
                    Ok(None) => {}
                    Ok(Some(bytes)) => return (bytes, false),
                    Err(end) => return self.end(end),
                },
            }
        }
    }

    /// The last that is said to who takes nothing any more.
    pub fn too_slow(&self) -> Bytes {
        self.end(End::Slow).0
    }

    fn end(&self, why: End) -> (Bytes, bool) {
        metrics::counter!("wechess_live_ended_total", "reason" => why.told()["reason"].as_str().unwrap_or_default().to_owned())
            .increment(1);
        let mut events = Events::of(&self.digest);
        events.push(Name::End, None, &why.told());
        (events.into_bytes(), true)
    }

    /// Looks after what is due: the session, a list that is owed, a sign of life.
    async fn tick(&mut self) -> Result<Option<Bytes>, End> {
        self.still_may().await?;
        if self.lost {
            return Ok(self.anew().await);
        }
        if self.said.elapsed() < BEAT {
            return Ok(None);
        }
        self.said = Instant::now();
        let mut events = Events::of(&self.digest);
        events.beat(self.at);
        Ok(Some(events.into_bytes()))
    }

    /// Nothing is told to who may not hear it any more, nor while nobody knows whether he may.
    async fn still_may(&self) -> Result<(), End> {
        let caller = &self.subject.caller;
        match self.app.sessions.caller_of_token(&caller.token).await {
            Ok(now) if now.role == caller.role => Ok(()),
            Ok(_) => Err(End::Role),
            Err(error) if error.status() == 401 => Err(End::Session),
            Err(_) => Err(End::Unavailable),
        }
    }

    async fn take(&mut self, news: News) -> Result<Option<Bytes>, End> {
        let batch = match news {
            News::Gap => return self.owed().await,
            News::Batch(batch) => batch,
        };
        if self.lost || batch.to <= self.at.position {
            return Ok(None);
        }
        let inside = batch.from < self.at.position && !batch.changes.is_empty();
        if batch.from > self.at.position || inside {
            return self.owed().await;
        }
        let events = self.events(&batch);
        self.at.position = batch.to;
        if events.is_empty() {
            return Ok(None);
        }
        self.still_may().await?;
        self.said = Instant::now();
        Ok(Some(events))
    }

    async fn owed(&mut self) -> Result<Option<Bytes>, End> {
        self.lost = true;
        self.still_may().await?;
        Ok(self.anew().await)
    }

    /// The list anew; later, when it cannot be had now.
    async fn anew(&mut self) -> Option<Bytes> {
        self.is_searchable().await;
        match self.list("gap").await {
            Ok(bytes) => {
                self.lost = false;
                Some(bytes)
            }
            Err(error) => {
                tracing::debug!(view = self.subject.view.table.name, %error, "a live list is owed");
                None
            }
        }
    }

    fn events(&mut self, batch: &Batch) -> Bytes {
        let mut events = Events::of(&self.digest);
        let mut told: Vec<(i64, Name, Value)> = Vec::new();
        for change in batch.changes.iter().filter(|change| change.position > self.at.position) {
            let had = match self.newer.get(&change.id) {
                Some(position) if change.position <= *position => continue,
                Some(_) => self.newer.remove(&change.id).is_some(),
                None => false,
            };
            told.extend(self.subject.event(change, had).map(|(name, data)| (change.position, name, data)));
        }
        let count = told.len();
        let positions: Vec<i64> = told.iter().map(|(position, ..)| *position).collect();
        for (place, (position, name, data)) in told.into_iter().enumerate() {
            // Several documents may have changed at one position: only the last of them says that it is done.
            let done = positions.get(place + 1).is_none_or(|next| *next != position);
            let position = if place + 1 == count { batch.to } else { position };
            let id = done.then_some(LogPosition { position, ..self.at });
            events.push(name, id, &data);
        }
        events.into_bytes()
    }
}
