//! T6, T6b and T9: the query service beside Elasticsearch asked directly, and what it costs to know who asks.

mod live;
mod readers;
mod who;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stack::error::{Context, Error, Result};
use stack::play;
use stack::unit::{Server, Service};

use self::readers::{Asked, read};
use crate::Bench;
use crate::memory::resident;
use crate::moves::{Load, Stage};
use crate::own::Whole;
use crate::report::{Report, Row};
use crate::wire::Wire;

/// Connections that read.
const READERS: usize = 64;
/// Lists that are asked for again and again.
const LISTS: usize = 50;
/// Events a second that change the view meanwhile.
const EVENTS: u32 = 200;
/// Events that the view is filled with before.
const FILLED: Duration = Duration::from_secs(10);
/// Live reads that hear nothing.
const IDLE: usize = 5_000;
/// The view.
const VIEW: &str = "chessGameListView";

/// A list or a count, as both are asked for it.
struct Question {
    /// The query service's path, body and headers.
    ours: Asked,
    /// Elasticsearch's.
    theirs: Asked,
}

/// Measures them.
pub fn run(bench: &Bench) -> Result<Report> {
    let whole = Whole::start(bench, &[("WECHESS_LIVE_PER_USER", "100000")])?;
    let mut report = Report::default();
    let seconds = bench.seconds(4);
    let load = Load { connections: 32, games: if bench.args.brief { 64 } else { 3_000 }, seconds };
    let task = bench.screen.task("games", "making players and games");
    let stage = Stage::prepare(whole.target()?, &play::sample(), &load, "player")?;
    stage.run(if bench.args.brief { Duration::from_secs(1) } else { FILLED }, None)?;
    task.done("made and played");
    let token = stage.token().context(|| "nobody plays".into())?;
    let asker = Asker::new(&whole, &token)?;
    side_by_side(bench, &whole, &asker, seconds, &mut report)?;
    again_and_again(bench, &whole, &asker, &stage, seconds, &mut report)?;
    idle_readers(bench, &whole, &token, &mut report)?;
    let keys = whole.system.url(Service::CommandApi);
    let micros = who::check(&keys, &token)?;
    report.rows.push(Row::new("T9", "token check, seen before", micros, "us").wants("<= 5 us", micros <= 5.0));
    report.note(format!(
        "T6 both: {READERS} connections that wait for their answers, the same queries under the read rule of a player; \
         Elasticsearch asked over HTTP with the query service's own login. The generator runs on the same machine"
    ));
    let memory = resident(whole.pid(Service::QueryBff)?);
    report.rows.push(
        Row::new("T6", "query service: resident afterwards", memory, "MiB")
            .wants("<= 64 MiB + 64 kept", memory <= 128.0),
    );
    Ok(report)
}

/// The memory of live reads that hear nothing.
fn idle_readers(bench: &Bench, whole: &Whole, token: &str, report: &mut Report) -> Result<()> {
    let count = if bench.args.brief { 100 } else { IDLE };
    let pid = whole.pid(Service::QueryBff)?;
    let before = resident(pid);
    let task = bench.screen.task("live", &format!("{count} live reads"));
    let readers = live::open(&whole.system.url(Service::QueryBff), token, count)?;
    let most = live::watch(|| resident(pid), Duration::from_secs(20));
    task.done(&format!("{most:.0} MiB"));
    drop(readers);
    let row = Row::new("T6", format!("query service: resident with {count} idle live readers"), most, "MiB");
    report.rows.push(row.wants("<= 256 MiB", most <= 256.0));
    report.note(format!("T6 live reads: {before:.0} MiB before the first, kept answers included"));
    Ok(())
}

/// Who asks both.
struct Asker {
    ours: String,
    theirs: String,
    token: String,
    login: String,
    user: String,
}

impl Asker {
    fn new(whole: &Whole, token: &str) -> Result<Self> {
        let connections = whole.system.servers().connections();
        let login = &connections.credentials.elasticsearch.query_bff;
        let claims = who::claims(token)?;
        Ok(Self {
            ours: whole.system.url(Service::QueryBff),
            theirs: connections.elasticsearch.clone(),
            token: format!("Bearer {token}"),
            login: format!("Basic {}", STANDARD.encode(format!("{}:{}", login.user, login.password))),
            user: claims["sub"].as_str().context(|| "a token without `sub`".into())?.to_owned(),
        })
    }

    fn asked(url: &str, path: String, authorization: &str, body: &Value) -> Asked {
        Asked { url: url.to_owned(), path, authorization: authorization.to_owned(), body: body.to_string() }
    }

    /// Games of at least so many half-moves, the newest first; or how many they are.
    fn question(&self, plies: usize, count: bool, caching: bool) -> Question {
        let (what, size) = if count { ("count", 0) } else { ("list", 10) };
        let past = if caching { "" } else { "?caching=false" };
        let ours = Self::asked(
            &self.ours,
            format!("/bff-api/{VIEW}/{what}{past}"),
            &self.token,
            &json!({"plies": {"gte": plies}}),
        );
        let order = |order: &str, kind: &str| json!({"order": order, "missing": "_last", "unmapped_type": kind});
        let sort = json!([{"createdAt": order("desc", "date")}, {"id": order("asc", "keyword")}]);
        let body = json!({"from": 0, "size": size, "track_total_hits": true,
            "query": {"bool": {"filter": [{"term": {"_live": true}}, {"terms": {"_readers": [self.user, "*"]}},
                {"range": {"plies": {"gte": plies}}}]}},
            "sort": if count { json!([]) } else { sort }});
        let path =
            format!("/wechess_{}/_search?allow_partial_search_results=false&timeout=4s", VIEW.to_ascii_lowercase());
        Question { ours, theirs: Self::asked(&self.theirs, path, &self.login, &body) }
    }
}

/// T6: each query of its own, past what is kept.
fn side_by_side(bench: &Bench, whole: &Whole, asker: &Asker, seconds: u64, report: &mut Report) -> Result<()> {
    whole.system.wait_ready(Server::Elasticsearch.into())?;
    let slice = Duration::from_secs(seconds.max(1));
    for (count, what) in [(false, "list of 10"), (true, "count")] {
        for (connections, goal) in [(READERS, true), (1, false)] {
            let task = bench.screen.task("T6", &format!("{what}, {connections} connections"));
            let ours = |number: usize| asker.question(number % 60, count, false).ours;
            let theirs = |number: usize| asker.question(number % 60, count, false).theirs;
            let warm = slice.min(Duration::from_secs(2));
            read(connections, warm, &theirs)?;
            read(connections, warm, &ours)?;
            let (mut pairs, mut waits) = (Vec::new(), Vec::new());
            for _ in 0..bench.rounds() {
                let reference = read(connections, slice, &theirs)?;
                let own = read(connections, slice, &ours)?;
                pairs.push((own.rate(), reference.rate()));
                waits.push((own.latencies.ms(0.5), reference.latencies.ms(0.5)));
            }
            let case = format!("{what}, {connections} connection(s)");
            if goal {
                report.rows.push(Row::paired("T6", case, &pairs, "1/s").at_least(0.85));
            } else {
                let row = Row::paired("T6", format!("{case}, p50"), &waits, "ms");
                let more = row.ours - row.reference.unwrap_or(0.0);
                report.rows.push(row.wants("<= 0.5 ms more", more <= 0.5));
            }
            task.done("measured");
        }
    }
    Ok(())
}

/// T6b: the same lists while games are played.
fn again_and_again(
    bench: &Bench,
    whole: &Whole,
    asker: &Asker,
    stage: &Stage,
    seconds: u64,
    report: &mut Report,
) -> Result<()> {
    let slice = Duration::from_secs(seconds.max(1));
    let ours = |number: usize| asker.question(number % LISTS, false, true).ours;
    let theirs = |number: usize| asker.question(number % LISTS, false, true).theirs;
    let rounds = bench.rounds() as u32;
    let whole_time = (slice * 2 + Duration::from_secs(1)) * rounds + Duration::from_secs(2);
    let over = AtomicBool::new(false);
    let task = bench.screen.task("T6b", &format!("{LISTS} lists again and again, {EVENTS} events/s"));
    let (pairs, made, most) = thread::scope(|scope| {
        let crowd = scope.spawn(|| stage.run(whole_time, Some(EVENTS.into())));
        let watcher = scope.spawn(|| {
            let (pid, mut most) = (whole.pid(Service::QueryBff), 0.0_f64);
            while !over.load(Ordering::Relaxed) {
                most = most.max(pid.as_ref().map_or(0.0, |pid| resident(*pid)));
                thread::sleep(Duration::from_millis(100));
            }
            most
        });
        let measured = (0..rounds).map(|_| {
            let reference = read(READERS, slice, &theirs)?.rate();
            Ok((read(READERS, slice, &ours)?.rate(), reference))
        });
        let pairs: Result<Vec<(f64, f64)>> = measured.collect();
        over.store(true, Ordering::Relaxed);
        (pairs, crowd.join(), watcher.join())
    });
    let made = made.map_err(|_| Error::new("the crowd panicked"))??;
    let pairs = pairs?;
    report.rows.push(Row::paired("T6b", format!("{LISTS} lists, {READERS} connections"), &pairs, "1/s").at_least(20.0));
    report.note(format!(
        "T6b: {:.0} events/s were made meanwhile; the query service held at most {:.0} MiB",
        made.rate(),
        most.unwrap_or(0.0)
    ));
    let same = (0..LISTS).map(|number| equal(&ours(number), &theirs(number))).collect::<Result<Vec<bool>>>()?;
    let equal = same.iter().filter(|same| **same).count();
    report.rows.push(
        Row::new("T6b", "lists that equal Elasticsearch's own once writes pause", equal as f64, "")
            .wants(format!("{LISTS}"), equal == LISTS),
    );
    task.done("measured");
    Ok(())
}

/// Whether both find the same documents, once everything is searchable.
fn equal(ours: &Asked, theirs: &Asked) -> Result<bool> {
    let mut last = false;
    for _ in 0..20 {
        let (mut own, mut reference) = (Wire::open(&ours.url)?, Wire::open(&theirs.url)?);
        let (own, reference): (Value, Value) = (ours.json(&mut own)?, theirs.json(&mut reference)?);
        let ids = |items: &Value, id: &dyn Fn(&Value) -> Value| -> Vec<Value> {
            items.as_array().map_or(Vec::new(), |items| items.iter().map(id).collect())
        };
        let found = ids(&own["items"], &|item| item["id"].clone());
        let there = ids(&reference["hits"]["hits"], &|hit| hit["_id"].clone());
        last = found == there && own["total"] == reference["hits"]["total"]["value"];
        if last {
            break;
        }
        thread::sleep(Duration::from_millis(250));
    }
    Ok(last)
}
