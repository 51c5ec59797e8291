//! Reading one's own writes: a read that carries a `Consistency-Token` waits for its view, not for long, and says so
//! when it could not wait long enough.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use async_nats::Client;
use event_schema::names::Namespace;
use event_schema::position::LogPosition;
use event_schema::wire::{RefreshReply, RefreshRequest};
use service::error::{ApiError, BoxError};
use tokio::sync::watch;

use crate::params::{CONSISTENCY_TOKEN, Params};
use crate::query::faults::{Code, Faults};
use crate::view::{VIEWS, View};
use crate::watermarks::{Known, Need, Watermarks};

/// The header that names what a read waits for.
pub const TOKEN: &str = "Consistency-Token";
/// How long a request to the projector may take.
const REFRESH_TIME: Duration = Duration::from_secs(1);
/// Between two requests for one position that the projector could not fulfil at once.
const BREATH: Duration = Duration::from_millis(20);

/// What a read asks of its view.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// See at least this.
    pub token: Option<LogPosition>,
    /// `Prefer: strict`: rather 503 than stale.
    pub strict: bool,
}

impl Wanted {
    /// Reads the headers `Consistency-Token` and `Prefer` and the parameter `consistencyToken`.
    pub fn read(req: &HttpRequest, params: &Params, faults: &mut Faults) -> Self {
        let header = req.headers().get(TOKEN);
        let (text, at) = match header {
            Some(value) => (Some(String::from_utf8_lossy(value.as_bytes()).into_owned()), "/Consistency-Token"),
            None => (params.get(CONSISTENCY_TOKEN.name).map(str::to_owned), "/consistencyToken"),
        };
        let token = text.and_then(|text| {
            text.trim().parse::<LogPosition>().map_err(|e| faults.push(at, Code::InvalidParameter, e.to_string())).ok()
        });
        Self { token, strict: is_strict(req.headers()) }
    }
}

fn is_strict(headers: &HeaderMap) -> bool {
    headers.get_all("Prefer").filter_map(|value| value.to_str().ok()).flat_map(|value| value.split([',', ';'])).any(
        |preference| {
            let preference = preference.trim();
            preference.eq_ignore_ascii_case("strict") || preference.eq_ignore_ascii_case("handling=strict")
        },
    )
}

/// How fresh a read is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Complete up to here; unknown before the projector announced anything.
    pub watermark: Option<LogPosition>,
    /// Whether the token's position was not reached in time.
    pub stale: bool,
}

/// How a token stands to a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Pending,
    Foreign,
    Beyond(i64),
}

/// `round` is the first refresh request that was sent after the token came: only its answer may refuse the token.
fn verdict(known: &Known, token: LogPosition, need: Need, round: Option<u64>) -> Verdict {
    let answered = round.is_some_and(|round| known.answered >= round);
    match known.mark(need) {
        Some(mark) if mark.log != token.log => {
            if answered {
                Verdict::Foreign
            } else {
                Verdict::Pending
            }
        }
        Some(mark) if mark.position >= token.position => Verdict::Passed,
        Some(_) => match known.tail {
            Some(tail) if answered && tail < token.position => Verdict::Beyond(tail),
            Some(_) | None => Verdict::Pending,
        },
        None => Verdict::Pending,
    }
}

/// One view's requests to the projector: one at a time, for the highest position that anybody waits for.
#[derive(Default)]
struct Asking {
    wanted: Option<i64>,
    sent: u64,
    running: bool,
}

/// Waits for views.
pub struct Freshness {
    client: Client,
    namespace: Namespace,
    watermarks: Watermarks,
    asking: Vec<(&'static View, Mutex<Asking>)>,
    patience: Duration,
}

impl Freshness {
    /// Reads wait for `patience` at most.
    pub fn new(client: Client, namespace: Namespace, patience: Duration) -> Arc<Self> {
        let watermarks = Watermarks::follow(client.clone(), &namespace);
        let asking = VIEWS.iter().map(|view| (view, Mutex::default())).collect();
        Arc::new(Self { client, namespace, watermarks, asking, patience })
    }

    /// The watermarks of all views.
    pub fn watermarks(&self) -> &Watermarks {
        &self.watermarks
    }

    /// Waits until the view has passed the token, if there is one. 400 for a token of another log or beyond this one,
    /// 503 when the view is stale and the client is strict.
    pub async fn wait(self: &Arc<Self>, view: &'static View, wanted: &Wanted, need: Need) -> Result<Fresh, ApiError> {
        let Some(sender) = self.watermarks.of(view) else {
            return Ok(Fresh { watermark: None, stale: wanted.token.is_some() });
        };
        let mut known = sender.subscribe();
        let mut stale = false;
        if let Some(token) = wanted.token {
            let mut verdict = verdict(&known.borrow(), token, need, None);
            if verdict != Verdict::Passed {
                verdict = self.patiently(view, &mut known, token, need).await;
            }
            stale = judge(verdict, token, wanted.strict, view)?;
        }
        let watermark = known.borrow().mark(need);
        Ok(Fresh { watermark, stale })
    }

    async fn patiently(
        self: &Arc<Self>,
        view: &'static View,
        known: &mut watch::Receiver<Known>,
        token: LogPosition,
        need: Need,
    ) -> Verdict {
        let started = tokio::time::Instant::now();
        let settled = tokio::time::timeout(self.patience, self.settled(view, known, token, need)).await;
        metrics::histogram!("wechess_read_wait_seconds", "view" => view.table.name).record(started.elapsed());
        match settled {
            Ok(verdict) => verdict,
            // Nobody could confirm it in time, but the log that we know is another one.
            Err(_) if known.borrow().mark(need).is_some_and(|mark| mark.log != token.log) => Verdict::Foreign,
            Err(_) => Verdict::Pending,
        }
    }

    /// Returns once the token is passed or refused; never returns [`Verdict::Pending`].
    async fn settled(
        self: &Arc<Self>,
        view: &'static View,
        known: &mut watch::Receiver<Known>,
        token: LogPosition,
        need: Need,
    ) -> Verdict {
        if need == Need::Applied {
            // The projector applies by itself, and at once when it knows that somebody waits; only if that takes long it
            // is asked for an answer, which also tells the tail.
            self.hurry(view, token.position).await;
            let by_itself = known.wait_for(|known| verdict(known, token, need, None) == Verdict::Passed);
            if tokio::time::timeout(self.patience / 3, by_itself).await.is_ok_and(|passed| passed.is_ok()) {
                return Verdict::Passed;
            }
        }
        loop {
            let foreign = known.borrow().mark(need).is_some_and(|mark| mark.log != token.log);
            let round = self.ask(view, if foreign { 0 } else { token.position });
            let answered =
                |known: &Known| verdict(known, token, need, Some(round)) != Verdict::Pending || known.answered >= round;
            let now = match known.wait_for(answered).await {
                Ok(known) => verdict(&known, token, need, Some(round)),
                Err(_) => Verdict::Pending,
            };
            if now != Verdict::Pending {
                return now;
            }
            // The projector is busy or away: listen for a moment before it is asked again.
            let passed = known.wait_for(|known| verdict(known, token, need, None) == Verdict::Passed);
            if tokio::time::timeout(BREATH, passed).await.is_ok_and(|passed| passed.is_ok()) {
                return Verdict::Passed;
            }
        }
    }

    /// Tells the projector that a read by id waits. Whoever cannot be told has his own time limit.
    async fn hurry(&self, view: &View, position: i64) {
        let request = RefreshRequest { position, searchable: false };
        let subject = self.namespace.refresh_subject(view.table.name);
        if let Ok(payload) = serde_json::to_vec(&request)
            && service::nats::is_connected(&self.client)
        {
            drop(self.client.publish(subject, payload.into()).await);
        }
    }

    /// Asks the projector for a refresh up to `position`; answers the number of the request that will carry it.
    fn ask(self: &Arc<Self>, view: &'static View, position: i64) -> u64 {
        let Some(mut asking) = self.asking(view) else { return u64::MAX };
        asking.wanted = Some(asking.wanted.unwrap_or(0).max(position));
        let round = asking.sent + 1;
        if !asking.running {
            asking.running = true;
            let this = self.clone();
            tokio::spawn(async move { this.send_all(view).await });
        }
        round
    }

    fn asking(&self, view: &View) -> Option<MutexGuard<'_, Asking>> {
        let (_, asking) = self.asking.iter().find(|(known, _)| known.table.name == view.table.name)?;
        Some(asking.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the next request carries; none when nobody waits any more.
    fn next(&self, view: &View) -> Option<(u64, i64)> {
        let mut asking = self.asking(view)?;
        match asking.wanted.take() {
            Some(position) => {
                asking.sent += 1;
                Some((asking.sent, position))
            }
            None => {
                asking.running = false;
                None
            }
        }
    }

    async fn send_all(&self, view: &'static View) {
        while let Some((round, position)) = self.next(view) {
            let reply = tokio::time::timeout(REFRESH_TIME, self.refresh(view, position)).await;
            let reply = reply.unwrap_or_else(|late| Err(late.into()));
            if let Err(error) = &reply {
                tracing::debug!(view = view.table.name, error = %error, "the projector did not answer a refresh request");
            }
            if let Some(sender) = self.watermarks.of(view) {
                sender.send_modify(|known| {
                    known.answered = round;
                    known.tail = reply.as_ref().ok().map(|reply| reply.tail);
                    if let Ok(reply) = &reply {
                        known.merge(&reply.watermark);
                    }
                });
            }
        }
    }

    async fn refresh(&self, view: &View, position: i64) -> Result<RefreshReply, BoxError> {
        let subject = self.namespace.refresh_subject(view.table.name);
        let payload = serde_json::to_vec(&RefreshRequest { position, searchable: true })?;
        let message = self.client.request(subject, payload.into()).await?;
        Ok(serde_json::from_slice(&message.payload)?)
    }
}

/// Whether the answer will be stale; refusals as errors.
fn judge(verdict: Verdict, token: LogPosition, strict: bool, view: &View) -> Result<bool, ApiError> {
    let refused = |message: String| {
        let code = "errMsg_invalidConsistencyToken";
        ApiError::new(400, code, message.clone()).fault("/Consistency-Token", code, message)
    };
    match verdict {
        Verdict::Passed => Ok(false),
        Verdict::Foreign => Err(refused(format!("`{token}` is a position of another log; ask without it"))),
        Verdict::Beyond(tail) => Err(refused(format!("`{token}` is beyond the log, whose last position is {tail}"))),
        Verdict::Pending if strict => {
            metrics::counter!("wechess_reads_stale_total", "view" => view.table.name).increment(1);
            let told = format!("{} has not reached position {} in time; try again", view.table.name, token.position);
            Err(ApiError::new(503, "errMsg_viewIsStale", told).retry_after(1))
        }
        Verdict::Pending => {
            metrics::counter!("wechess_reads_stale_total", "view" => view.table.name).increment(1);
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use event_schema::wire::Watermark;
    use uuid::Uuid;

    use super::*;

    fn known(searchable: i64, tail: Option<i64>, answered: u64) -> Known {
        let watermark = Watermark {
            log_id: Uuid::from_u128(1),
            generation: 1,
            edition: Uuid::nil(),
            applied: searchable + 5,
            searchable,
        };
        Known { watermark: Some(watermark), answered, tail }
    }

    #[test]
    fn only_an_answer_to_a_later_request_refuses_a_token() {
        let token = |log, position| LogPosition { log: Uuid::from_u128(log), position };
        let see = |known: &Known, token, round| verdict(known, token, Need::Searchable, round);
        assert_eq!(see(&known(10, None, 0), token(1, 10), None), Verdict::Passed);
        assert_eq!(see(&known(10, None, 0), token(1, 11), None), Verdict::Pending);
        assert_eq!(verdict(&known(10, None, 0), token(1, 11), Need::Applied, None), Verdict::Passed);
        assert_eq!(see(&known(10, Some(10), 3), token(1, 11), Some(4)), Verdict::Pending);
        assert_eq!(see(&known(10, Some(10), 4), token(1, 11), Some(4)), Verdict::Beyond(10));
        assert_eq!(see(&known(10, Some(12), 4), token(1, 11), Some(4)), Verdict::Pending);
        assert_eq!(see(&known(10, None, 0), token(2, 1), None), Verdict::Pending);
        assert_eq!(see(&known(10, None, 1), token(2, 1), Some(1)), Verdict::Foreign);
        assert_eq!(see(&Known::default(), token(1, 0), Some(1)), Verdict::Pending);
    }

    #[test]
    fn answers_never_take_the_watermark_back() {
        let mut now = known(10, None, 0);
        now.merge(&Watermark {
            log_id: Uuid::from_u128(1),
            generation: 1,
            edition: Uuid::nil(),
            applied: 3,
            searchable: 12,
        });
        let mark = now.watermark.clone().unwrap();
        assert_eq!((mark.applied, mark.searchable), (15, 12));
        now.merge(&Watermark {
            log_id: Uuid::from_u128(1),
            generation: 2,
            edition: Uuid::nil(),
            applied: 3,
            searchable: 2,
        });
        assert_eq!(now.mark(Need::Searchable).unwrap().position, 2);
        let later = Watermark { edition: Uuid::from_u128(2), ..now.watermark.clone().unwrap() };
        now.watermark = Some(later.clone());
        now.merge(&Watermark { edition: Uuid::from_u128(1), searchable: 3, ..later.clone() });
        assert_eq!(now.watermark, Some(later), "what an older edition showed is told no more");
    }

    #[test]
    fn strictness_is_read_from_prefer() {
        for (value, strict) in
            [("strict", true), ("respond-async, Strict", true), ("handling=strict", true), ("lenient", false)]
        {
            let req = actix_web::test::TestRequest::get().insert_header(("Prefer", value)).to_http_request();
            assert_eq!(is_strict(req.headers()), strict, "{value}");
        }
    }
}
