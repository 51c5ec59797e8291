//! importGames: the games of a PGN, each checked by the rules and taken as a whole, or refused with all its faults.
//!
//! A game is one item of the append, so nothing is half imported. Ids derive from what a game is: the same text sent again
//! finds all its games there. Who plays are names without accounts; the games are everybody's to read, and count for
//! nothing.

pub mod check;
pub mod command;
mod control;
mod ending;
pub mod report;
mod tags;

use std::sync::Arc;

use actix_web::HttpResponse;
use chrono::{DateTime, SubsecRound, Utc};
use event_schema::object::Kind;
use futures_util::future::join_all;
use serde_json::Value;
use service::ApiError;
use tokio::sync::mpsc;

use self::check::{Found, check};
use self::report::{Fault, Line, Report, Status};
use super::game::Game;
use crate::es::request::Request;
use crate::es::state::Loaded;
use crate::es::store::Failure;
use crate::http::body::{Param, required};
use crate::http::call::Call;
use crate::http::envelope;
use crate::http::error::{of_failure, of_read};

/// How many imports are worked on at once in one process; each keeps a core busy.
pub const AT_ONCE: usize = 2;
/// The largest body in bytes.
pub const BODY_LIMIT: usize = 8 << 20;
/// The most games of one text.
pub const MOST_GAMES: usize = 1000;
/// The most half-moves of all of them.
pub const MOST_PLIES: usize = 250_000;
/// How many games are on their way to the log at once; as many more are checked ahead.
const AHEAD: usize = 8;
/// Seconds after which who found no place may try again.
const COME_BACK: u64 = 5;

/// The field of the body.
pub const PGN: &str = "pgn";

/// The body.
pub const BODY: &[Param] = &[required(
    PGN,
    Kind::Text,
    "Games in PGN. Or send them as the body itself: `text/plain`, `application/x-chess-pgn`.",
)
.at_most(BODY_LIMIT)];

/// For the documents.
pub const ABOUT: &str = "Imports the games of a PGN (at most 1,000 games and 250,000 half-moves in 8 MiB), each as a \
                         whole or not at all, and reports on each: imported, already there, or refused with its faults.";

/// A game of the text, looked at.
struct Checked {
    index: usize,
    line: usize,
    white: Option<String>,
    black: Option<String>,
    found: Result<Found, Vec<Fault>>,
}

/// POST /v1/games/import.
pub async fn serve(mut call: Call) -> Result<HttpResponse, ApiError> {
    let place = Arc::clone(&call.app.imports).try_acquire_owned();
    let _place = place.map_err(|error| {
        let told = "other imports are being worked on; nothing was changed, try again";
        ApiError::unavailable(told, error).retry_after(COME_BACK)
    })?;
    let Some(Value::String(text)) = call.body.shift_remove(PGN) else {
        return Err(ApiError::new(400, "errMsg_pgnIsRequired", "`pgn` is required"));
    };
    let (out, mut games) = mpsc::channel(AHEAD);
    let now = Utc::now().trunc_subsecs(3);
    let reading = tokio::task::spawn_blocking(move || read(&text, now, &out));
    let (mut report, mut batch) = (Report::default(), Vec::with_capacity(AHEAD));
    while games.recv_many(&mut batch, AHEAD).await > 0 {
        for done in join_all(batch.drain(..).map(|game| append(&call, game))).await {
            let (line, position) = done.map_err(|failure| stopped(failure, &report))?;
            report.lines.push(line);
            report.position = report.position.max(position);
        }
    }
    reading.await.map_err(ApiError::internal)??;
    answer(&call, report).await
}

/// Checks the games one after another, on a thread for that; ends early when nobody takes them any more.
fn read(text: &str, now: DateTime<Utc>, out: &mpsc::Sender<Checked>) -> Result<(), ApiError> {
    must_fit(text)?;
    for (game, index) in chess_pgn::games(text).zip(1..) {
        let name = |tag: &str| game.tag(tag).map(str::to_owned);
        let checked =
            Checked { index, line: game.line, white: name("White"), black: name("Black"), found: check(&game, now) };
        if out.blocking_send(checked).is_err() {
            break;
        }
    }
    Ok(())
}

/// Nothing is looked at in detail before it is known how much it is.
fn must_fit(text: &str) -> Result<(), ApiError> {
    let refused = |code: &'static str, told: String| ApiError::new(400, code, told.clone()).fault("/pgn", code, told);
    let (mut games, mut plies) = (0, 0);
    for game in chess_pgn::games(text) {
        (games, plies) = (games + 1, plies + game.moves.len());
        if games > MOST_GAMES || plies > MOST_PLIES {
            let told = format!("more than {MOST_GAMES} games or {MOST_PLIES} half-moves: send them in several parts");
            return Err(refused("errMsg_TooManyGames", told));
        }
    }
    if games == 0 {
        return Err(refused("errMsg_pgnIsNotValid", "there is no game in it".to_owned()));
    }
    Ok(())
}

/// Brings one game in, if it has no faults and is not there. Its line of the report, and the position that covers it.
async fn append(call: &Call, game: Checked) -> Result<(Line, i64), Failure> {
    let Checked { index, line, white, black, found } = game;
    let line = |status, found: Option<&Found>, faults| Line {
        index,
        line,
        white: white.clone(),
        black: black.clone(),
        status,
        game_id: found.map(Found::stream),
        plies: found.map(|found| found.import.moves.len()),
        faults,
    };
    let found = match found {
        Ok(found) => found,
        Err(faults) => return Ok((line(Status::Refused, None, faults), 0)),
    };
    let (store, stream) = (&call.app.store, found.stream());
    let known: Loaded<Game> = store.load(stream).await?;
    if known.version > 0 {
        return Ok((line(Status::Already, Some(&found), Vec::new()), 0));
    }
    let request = Request {
        command: found.command,
        keyed: true,
        fingerprint: None,
        correlation: call.request.correlation,
        causation: None,
        actor: call.request.actor,
    };
    let done = store.transact(stream, &found.import, &request).await?;
    // Somebody else may have imported it at the same moment.
    let status = if done.replayed || done.events.is_empty() { Status::Already } else { Status::Imported };
    Ok((line(status, Some(&found), Vec::new()), done.position))
}

/// The log gave no outcome for a game. What was imported stays, and is found when the text comes again.
fn stopped(failure: Failure, report: &Report) -> ApiError {
    if let Failure::Rejected(_) = &failure {
        return of_failure(failure);
    }
    let told = format!(
        "the import stopped after {} games; send the same text again, what is there already is not doubled",
        report.lines.len()
    );
    ApiError::unavailable(told, failure)
}

async fn answer(call: &Call, report: Report) -> Result<HttpResponse, ApiError> {
    // Games that were there already are covered by the tail.
    let already = report.count(Status::Already) > 0;
    let position = if already { call.app.store.log.tail().await.map_err(of_read)? } else { report.position };
    let mut response = HttpResponse::Ok().json(report.body());
    if position > 0 {
        envelope::covered(call, position, &mut response);
    }
    Ok(response)
}
