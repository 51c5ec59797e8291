//! How promptly flags fall: from when a clock ran out until that stands in the log.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use stack::error::{Context, Error, Result};
use stack::play::client::Client;
use stack::play::crowd::each;

use super::stage::{Stage, create_game, player};
use crate::Bench;
use crate::own::Whole;
use crate::report::{Report, Row};
use crate::stats::Sorted;
use crate::wire::Wire;

/// Connections that begin games.
const CONNECTIONS: usize = 4;
/// Games of each, one every `EVERY`; one in a brief run.
const GAMES: usize = 50;
/// How often each begins one.
const EVERY: Duration = Duration::from_millis(100);
/// Each player's clock: a busy server answers White's move long before Black's has run out.
const INITIAL: Duration = Duration::from_millis(1500);
/// A flag that has not fallen by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures how late flags fall when nothing else is asked for, and beside moves at this rate.
pub fn measure(bench: &Bench, whole: &Whole, stage: &Stage, rate: f64, report: &mut Report) -> Result<()> {
    let games = if bench.args.brief { 1 } else { GAMES };
    let task = bench.screen.task("flags", "nothing else asked for");
    let calm = fallen(whole, games)?;
    task.done(&format!("p50 {:.1} ms late", calm.ms(0.5)));
    let task = bench.screen.task("flags", &format!("beside {rate:.0} moves/s"));
    let limit = EVERY * u32::try_from(games).unwrap_or(u32::MAX) + INITIAL + Duration::from_secs(1);
    let beside = thread::scope(|scope| {
        let crowd = scope.spawn(|| stage.run(limit, Some(rate)));
        let beside = fallen(whole, games)?;
        let crowd = crowd.join().unwrap_or_else(|_| Err(Error::new("the crowd panicked")))?;
        Ok::<_, Error>((beside, crowd.rate()))
    })?;
    task.done(&format!("p50 {:.1} ms late", beside.0.ms(0.5)));
    for (what, late) in
        [("nothing else asked for".to_owned(), calm), (format!("beside {:.0} moves/s", beside.1), beside.0)]
    {
        report.rows.push(Row::new("T2", format!("flags, {what}: late, p50"), late.ms(0.5), "ms"));
        report.rows.push(Row::new("T2", format!("flags, {what}: late, p99"), late.ms(0.99), "ms"));
        report.note(format!("T2 flags, {what}: {} fell, the latest {:.1} ms after its time", late.len(), late.ms(1.0)));
    }
    Ok(())
}

/// Plays White's first move in so many games on each connection and lets Black's flags fall; how late they fell, in
/// microseconds from the end of the clock until the event's time in the log.
fn fallen(whole: &Whole, games: usize) -> Result<Sorted> {
    let target = whole.target()?;
    let places: Vec<usize> = (0..CONNECTIONS).collect();
    let begun = each(CONNECTIONS, &places, |place| begin(&target.command_api, *place, games))?.concat();
    let sql = format!(
        "select round(extract(epoch from e.recorded_at - (m.data::jsonb ->> 'at')::timestamptz) * 1000000)::bigint - {}
           from wechess.events m join wechess.events e on e.stream_id = m.stream_id and e.version = 3
          where m.version = 2 and e.type = 'GameEnded' and m.stream_id = any('{{{}}}')",
        INITIAL.as_micros(),
        begun.join(",")
    );
    let start = Instant::now();
    loop {
        let late = whole.tools.ask("wechess", &sql)?;
        let late: Vec<i64> = late.lines().map(str::parse).collect::<Result<_, _>>().context(|| late.clone())?;
        if let Some(early) = late.iter().find(|late| **late < 0) {
            return Err(Error::new(format!("a flag fell {} µs before its time", -early)));
        }
        if late.len() == begun.len() {
            return Ok(Sorted::new(late.into_iter().map(|late| u32::try_from(late).unwrap_or(u32::MAX)).collect()));
        }
        if start.elapsed() > PATIENCE {
            return Err(Error::new(format!("{} of {} flags fell", late.len(), begun.len())));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Begins games on a connection, one after another; their ids.
fn begin(command_api: &str, place: usize, games: usize) -> Result<Vec<String>> {
    let client = Client::new(command_api, 8);
    let (white, token) = player(&client, command_api, &format!("flag white {place}"))?;
    let (black, _) = player(&client, command_api, &format!("flag black {place}"))?;
    let clock = json!({"initialMs": INITIAL.as_millis(), "incrementMs": 0});
    let game = json!({"playerWhiteId": white, "playerBlackId": black, "mode": "public", "gameType": "blitz", "timeControl": clock});
    let (mut wire, game, authorization) = (Wire::open(command_api)?, game.to_string(), format!("Bearer {token}"));
    let key = || uuid::Uuid::now_v7().to_string();
    let (start, mut begun) = (Instant::now(), Vec::with_capacity(games));
    for number in 0..games {
        thread::sleep((EVERY * u32::try_from(number).unwrap_or(0)).saturating_sub(start.elapsed()));
        let id = create_game(&mut wire, &token, &key(), &game)?;
        let first = json!({"gameId": id, "moveNumber": 1, "moveNotation": "e4"}).to_string();
        let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", &key())];
        let answer = wire.ask("POST", "/gameplay-api/v1/gamemove", &headers, &first)?;
        if answer.status != 201 {
            return Err(Error::new(format!("a first move was refused: {}", answer.told())));
        }
        begun.push(id);
    }
    Ok(begun)
}
