//! The append function through the appender, without services: items accepted or refused as a whole, dense positions.

use std::collections::BTreeSet;

use command_api::es::appender::{self, Appender, Limits};
use command_api::es::effect::{Effect, EffectRow};
use command_api::es::item::{AppendError, EventRow, Item, MAX_EVENT_BYTES, Outcome, Write};
use event_schema::ids::CommandId;
use event_schema::names::Namespace;
use futures_util::future::join_all;
use uuid::Uuid;
use wechess_tests::servers::stack;
use wechess_tests::{alone, direct};

/// A fresh schema with an appender on it.
pub(crate) struct Log {
    pub(crate) namespace: Namespace,
    pub(crate) appender: Appender,
}

impl Log {
    pub(crate) async fn open() -> Self {
        let namespace = direct::fresh_schema().await;
        let appender = start(&namespace);
        Self { namespace, appender }
    }

    pub(crate) async fn append(&self, item: Item) -> Outcome {
        self.appender.append(item).await.expect("an outcome")
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = sql.replace("{s}", &self.namespace.schema());
        direct::owner().await.query_one(&sql, &[]).await.expect("the query is right").get(0)
    }

    /// Positions run from 1 to the tail and versions from 1 in each stream, without a hole.
    pub(crate) async fn is_dense(&self) {
        let tail = self.number("select tail from {s}.log").await;
        let sql = "select count(*) from {s}.events where position between 1 and (select tail from {s}.log)";
        assert_eq!((self.number(sql).await, self.number("select count(*) from {s}.events").await), (tail, tail));
        let holes = "select count(*) from (select stream_id, max(version) m, count(*) c from {s}.events group by 1) x \
            left join {s}.streams s using (stream_id) where m <> c or s.version is distinct from m";
        assert_eq!(self.number(holes).await, 0, "versions have holes, or a state row is not its stream's");
        let falls = "select count(*) from (select recorded_at < lag(recorded_at) over (order by position) f from {s}.events) x where f";
        assert_eq!(self.number(falls).await, 0, "time falls");
    }

    pub(crate) async fn close(self) {
        drop(self.appender);
        direct::remove(&self.namespace).await;
    }
}

fn start(namespace: &Namespace) -> Appender {
    let url = stack().credentials.database_urls.command_api.parse().expect("a database URL");
    appender::start(&url, namespace, Limits::default()).0
}

pub(crate) fn write(stream: Uuid, expected: i32, events: usize) -> Write {
    let event = EventRow { kind: "Happened".into(), schema: 1, data: "{}".into() };
    Write { stream, category: "test", expected, state: "{}".into(), events: vec![event; events] }
}

pub(crate) fn item(writes: Vec<Write>) -> Item {
    let command = CommandId::new();
    Item {
        command,
        actor: None,
        correlation: command.0,
        causation: None,
        meta: None,
        writes,
        effects: vec![],
        claims: vec![],
    }
}

fn claiming(stream: Uuid, key: &str) -> Item {
    let effect = Effect::ClaimKey { key: key.to_owned(), stream }.to_row(|_| None);
    Item { effects: vec![effect], claims: vec![key.to_owned()], ..item(vec![write(stream, 0, 1)]) }
}

pub(crate) fn position(outcome: &Outcome) -> i64 {
    let Outcome::Appended { position, .. } = outcome else { panic!("not appended: {outcome:?}") };
    *position
}

#[test]
fn an_item_over_several_streams_is_accepted_or_refused_as_a_whole() {
    alone(async || {
        let log = Log::open().await;
        let (a, b, c) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(position(&log.append(item(vec![write(a, 0, 2), write(b, 0, 1)])).await), 1);
        let refused = log.append(item(vec![write(a, 2, 1), write(b, 0, 1), write(c, 0, 1)])).await;
        let Outcome::Conflict { stream, missed, version } = refused else { panic!("{refused:?}") };
        assert_eq!((stream, version), (b, 1));
        assert_eq!(missed.iter().map(|event| (event.stream_id, event.version)).collect::<Vec<_>>(), [(b, 1)]);
        assert_eq!(log.number("select count(*) from {s}.streams").await, 2, "nothing of it was written");
        assert_eq!(position(&log.append(item(vec![write(a, 2, 1), write(b, 1, 2), write(c, 0, 1)])).await), 4);
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn a_conflict_brings_what_was_missed_and_harms_no_neighbour() {
    alone(async || {
        let log = Log::open().await;
        let (stream, others) = (Uuid::now_v7(), [(); 20].map(|()| Uuid::now_v7()));
        log.append(item(vec![write(stream, 0, 3)])).await;
        let stale = log.appender.append(item(vec![write(stream, 1, 1)]));
        let fine = join_all(others.iter().map(|other| log.append(item(vec![write(*other, 0, 1)]))));
        let (stale, fine) = tokio::join!(stale, fine);
        let Ok(Outcome::Conflict { missed, version, .. }) = stale else { panic!("{stale:?}") };
        assert_eq!((version, missed.iter().map(|event| event.version).collect::<Vec<_>>()), (3, vec![2, 3]));
        let positions: BTreeSet<i64> = fine.iter().map(position).collect();
        assert_eq!(positions, (4..24).collect());
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn a_repeated_command_answers_its_original_position() {
    alone(async || {
        let log = Log::open().await;
        let (stream, other) = (Uuid::now_v7(), Uuid::now_v7());
        let first = item(vec![write(stream, 0, 2)]);
        let double = item(vec![write(other, 0, 1), write(stream, 2, 1)]);
        assert_eq!(position(&log.append(first.clone()).await), 1);
        assert_eq!(position(&log.append(double.clone()).await), 3);
        for (again, original) in [(&first, 1), (&double, 3), (&first, 1)] {
            assert_eq!(log.append(again.clone()).await, Outcome::Already { position: original });
        }
        let elsewhere = Item { writes: vec![write(Uuid::now_v7(), 0, 1)], ..first };
        assert_eq!(log.append(elsewhere).await, Outcome::Already { position: 1 }, "whatever it says now");
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn a_taken_key_refuses_its_item_alone() {
    alone(async || {
        let log = Log::open().await;
        let holder = Uuid::now_v7();
        log.append(claiming(holder, "test:k")).await;
        let items = (0..10)
            .map(|n| if n == 4 { claiming(Uuid::now_v7(), "test:k") } else { item(vec![write(Uuid::now_v7(), 0, 1)]) });
        let outcomes = join_all(items.map(|item| log.append(item))).await;
        let taken: Vec<_> = outcomes.iter().filter(|o| **o == Outcome::KeyTaken { key: "test:k".into() }).collect();
        assert_eq!((taken.len(), outcomes.iter().filter(|o| matches!(o, Outcome::Appended { .. })).count()), (1, 9));
        let mut release = item(vec![write(holder, 1, 1)]);
        release.effects.push(Effect::ReleaseKey { key: "test:k".into(), stream: holder }.to_row(|_| None));
        log.append(release).await;
        position(&log.append(claiming(Uuid::now_v7(), "test:k")).await);
        log.is_dense().await;
        log.close().await;
    });
}

/// What comes alone takes a narrower way into the log than what comes with others.
#[test]
fn an_item_alone_is_judged_as_one_in_a_batch() {
    alone(async || {
        let log = Log::open().await;
        let (stream, holder) = (Uuid::now_v7(), Uuid::now_v7());
        let first = item(vec![write(stream, 0, 1)]);
        assert_eq!(position(&log.append(first.clone()).await), 1);
        log.append(claiming(holder, "test:k")).await;

        let actor = Some(Uuid::now_v7());
        let claim = |key: &str, item: Item| Item { effects: claiming(stream, key).effects, ..item };
        let next = Item { actor, meta: Some("m".into()), ..claim("test:own", item(vec![write(stream, 1, 1)])) };
        assert_eq!(position(&log.append(next.clone()).await), 3);
        let owner = direct::owner().await;
        let sql = format!(
            "select actor_id, causation_id, correlation_id, meta, version, category, type from {}.events where position = 3",
            log.namespace.schema()
        );
        let row = owner.query_one(&sql, &[]).await.unwrap();
        assert_eq!((row.get::<_, Option<Uuid>>(0), row.get::<_, Option<Uuid>>(1)), (actor, None));
        assert_eq!((row.get::<_, Uuid>(2), row.get::<_, Option<&str>>(3)), (next.correlation, Some("m")));
        assert_eq!((row.get::<_, i32>(4), row.get::<_, &str>(5), row.get::<_, &str>(6)), (2, "test", "Happened"));
        assert_eq!(log.number("select count(*) from {s}.unique_keys where key = 'test:own'").await, 1);

        let again = |version| Item { writes: vec![write(stream, version, 1)], ..next.clone() };
        for version in [1, 2] {
            assert_eq!(log.append(again(version)).await, Outcome::Already { position: 3 }, "expected {version}");
        }
        let stale = log.append(item(vec![write(stream, 1, 1)])).await;
        let Outcome::Conflict { missed, version: 2, .. } = stale else { panic!("{stale:?}") };
        assert_eq!(missed.iter().map(|event| event.version).collect::<Vec<_>>(), [2]);
        let taken = log.append(claim("test:k", item(vec![write(stream, 2, 1)]))).await;
        assert_eq!(taken, Outcome::KeyTaken { key: "test:k".into() });
        let unknown = Item { effects: vec![EffectRow { kind: "nothing", args: "{}".into() }], ..again(2) };
        let unknown = Item { command: CommandId::new(), ..unknown };
        assert!(matches!(log.appender.append(unknown).await, Err(AppendError::Refused(_))));
        assert_eq!(position(&log.append(item(vec![write(stream, 2, 1)])).await), 4, "nothing of these was written");
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn one_bad_item_fails_alone() {
    alone(async || {
        let log = Log::open().await;
        let bad = |kind: &'static str, args: &str| Item {
            effects: vec![EffectRow { kind, args: args.to_owned() }],
            ..item(vec![write(Uuid::now_v7(), 0, 1)])
        };
        let mut nothing = item(vec![write(Uuid::now_v7(), 0, 1)]);
        nothing.writes[0].events.clear();
        let mut nul = item(vec![write(Uuid::now_v7(), 0, 1)]);
        nul.writes[0].events[0].data = "\"a\0b\"".into();
        let wrong = [bad("nothing", "{}"), bad("setTimer", "{}"), bad("index", "no json"), nothing, nul];
        let good = (0..20).map(|_| item(vec![write(Uuid::now_v7(), 0, 1)]));
        let outcomes = join_all(wrong.into_iter().chain(good).map(|item| log.appender.append(item))).await;
        for (place, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Err(AppendError::Refused(_)) => assert!(place < 5, "{place}: {outcome:?}"),
                other => assert!(place >= 5 && matches!(other, Ok(Outcome::Appended { .. })), "{place}: {other:?}"),
            }
        }
        assert_eq!(log.number("select tail from {s}.log").await, 20);
        log.is_dense().await;
        log.close().await;
    });
}

#[test]
fn an_event_that_is_too_large_is_refused_before_it_is_sent() {
    alone(async || {
        let log = Log::open().await;
        let sized = |bytes: usize| {
            let mut item = item(vec![write(Uuid::now_v7(), 0, 1)]);
            item.writes[0].events[0].data = format!("\"{}\"", "x".repeat(bytes - 2));
            item
        };
        let refused = log.appender.append(sized(MAX_EVENT_BYTES + 1)).await;
        assert!(matches!(refused, Err(AppendError::TooLarge(bytes)) if bytes == MAX_EVENT_BYTES + 1), "{refused:?}");
        position(&log.append(sized(MAX_EVENT_BYTES)).await);
        log.close().await;
    });
}

#[test]
fn positions_stay_dense_under_64_writers_of_two_processes() {
    alone(async || {
        let log = Log::open().await;
        let other = start(&log.namespace);
        let streams: Vec<Uuid> = (0..16).map(|_| Uuid::now_v7()).collect();
        let writer = async |number: usize| {
            let appender = if number.is_multiple_of(2) { &log.appender } else { &other };
            let (mut appended, mut version) = (Vec::new(), 0);
            let stream = streams[number % streams.len()];
            while appended.len() < 8 {
                let own = Uuid::now_v7();
                let writes = if number.is_multiple_of(5) {
                    vec![write(own, 0, 1), write(stream, version, 1)]
                } else {
                    vec![write(stream, version, 1)]
                };
                match appender.append(item(writes)).await.expect("an outcome") {
                    Outcome::Appended { position, .. } => {
                        appended.push(position);
                        version += 1;
                    }
                    Outcome::Conflict { version: now, .. } => version = now,
                    other @ (Outcome::Already { .. } | Outcome::KeyTaken { .. }) => panic!("{other:?}"),
                }
            }
            appended
        };
        let positions = join_all((0..64).map(writer)).await.concat();
        assert_eq!(positions.iter().collect::<BTreeSet<_>>().len(), 64 * 8, "each position once");
        log.is_dense().await;
        drop(other);
        log.close().await;
    });
}

#[test]
fn migrating_twice_changes_nothing() {
    alone(async || {
        let namespace = direct::fresh_schema().await;
        let owner = stack().credentials.database_urls.owner.parse().unwrap();
        let again = command_api::es::migrate::migrate(&owner, &namespace).await.unwrap();
        assert_eq!(again, Vec::<&str>::new());
        direct::remove(&namespace).await;
    });
}
