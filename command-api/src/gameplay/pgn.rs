//! A game as PGN, the text form that other chess programs read.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{EndReason, GameResult, GameStatus, TimeControl};
use event_schema::gameplay::game_move::ChessGameMove;
use event_schema::gameplay::imported::Tags;
use event_schema::ids::UserId;
use event_schema::openings;
use service::ApiError;
use uuid::Uuid;

use super::game::{self, Game};
use super::moves;
use super::rules::Position;
use crate::auth::account;
use crate::es::aggregate::Aggregate;
use crate::es::state::Loaded;
use crate::http::call::Call;
use crate::http::error::{of_read, of_rejection};
use crate::http::read::Readable;

/// The columns of a line of moves (PGN standard, 8.2.1).
const WIDTH: usize = 79;
/// The name of who has none (PGN standard, 8.1.1.4).
const NOBODY: &str = "?";

/// A game with what its PGN says besides.
pub struct Score<'a> {
    /// Its id.
    pub id: Uuid,
    /// The game.
    pub game: &'a ChessGame,
    /// Its moves in their order.
    pub moves: &'a [ChessGameMove],
    /// The names of White and Black, if they have accounts; an imported game brings its own.
    pub names: [String; 2],
    /// When it was made.
    pub made: DateTime<Utc>,
}

/// GET /v1/game/{chessGameId}/pgn: for whoever reads the game.
pub async fn serve(call: Call) -> Result<HttpResponse, ApiError> {
    let (id, caller) = (call.path_id()?, call.caller()?);
    let loaded: Loaded<Game> = call.app.store.load(id).await.map_err(of_read)?;
    let stored = loaded.state.stored().filter(|stored| stored.active || caller.role.is_admin());
    let (Some(stored), Some((made, _))) = (stored, loaded.times) else {
        return Err(of_rejection(&game::not_found(id)));
    };
    if !Game::may_read(&loaded, caller, &call.query) {
        return Err(ApiError::forbidden("this chessGame is not yours to read"));
    }
    let game = &stored.object;
    let moves = moves::of_game(&call.app.store.log, &loaded).await.map_err(of_read)?;
    let moves: Vec<ChessGameMove> = moves.into_iter().map(|(played, _)| played).collect();
    let names = [name(&call, Some(game.player_white_id)).await?, name(&call, game.player_black_id).await?];
    let text = text(&Score { id, game, moves: &moves, names, made });
    Ok(HttpResponse::Ok().content_type("application/x-chess-pgn; charset=utf-8").body(text))
}

/// What a player is called; [`NOBODY`] if nobody is there (any more).
async fn name(call: &Call, user: Option<UserId>) -> Result<String, ApiError> {
    let Some(UserId(id)) = user else { return Ok(NOBODY.to_owned()) };
    let account = call.app.store.load(id).await.map_err(of_read)?;
    let name = account::active(&account).and_then(|user| user.fullname.clone());
    Ok(name.unwrap_or_else(|| NOBODY.to_owned()))
}

/// The PGN: seven tags in their order, ours, the moves with their clocks.
pub fn text(score: &Score<'_>) -> String {
    let game = score.game;
    let opening = score.moves.iter().rev().find_map(|played| openings::by_fen(&played.fen));
    let named = opening.map(|opening| (opening.eco.to_owned(), opening.name.to_owned())).unzip();
    let mut tags = match &game.tags {
        None => own_tags(score, named),
        Some(tags) => given_tags(score, tags, named),
    };
    tags.push(("SetUp", game.initial_fen.as_ref().map(|_| "1".to_owned())));
    tags.push(("FEN", game.initial_fen.clone()));
    if let Some(given) = &game.tags {
        tags.extend(given.more.iter().map(|(name, value)| (name.as_str(), Some(value.clone()))));
    }
    let mut out = String::new();
    for (name, value) in tags.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        out.push_str(&format!("[{name} \"{}\"]\n", escaped(value)));
    }
    out.push('\n');
    wrap(&mut out, words(score));
    out.push('\n');
    out
}

/// Names and values; those without a value are left out.
type TagList<'a> = Vec<(&'a str, Option<String>)>;
/// ECO code and name.
type Opening = (Option<String>, Option<String>);

/// What the two are called where no reader may take them for one: who has no name, or that of the other, is told by the
/// end of his id too.
fn told_names(score: &Score<'_>) -> [String; 2] {
    let [white, black] = &score.names;
    let told = |name: &String, id: Option<UserId>| match id {
        Some(UserId(id)) if name == NOBODY || white == black => format!("{name} ({})", &id.simple().to_string()[24..]),
        Some(_) | None => name.clone(),
    };
    [told(white, Some(score.game.player_white_id)), told(black, score.game.player_black_id)]
}

/// The tags of a game that was played here.
fn own_tags<'a>(score: &Score<'a>, (eco, opening): Opening) -> TagList<'a> {
    let (game, [white, black]) = (score.game, told_names(score));
    let date = score.made.format("%Y.%m.%d").to_string();
    vec![
        ("Event", Some(format!("weChess {} game", game.game_type.as_str()))),
        ("Site", Some("weChess".to_owned())),
        ("Date", Some(date.clone())),
        ("Round", Some("-".to_owned())),
        ("White", Some(white)),
        ("Black", Some(black)),
        ("Result", Some(result(game).to_owned())),
        ("GameId", Some(score.id.to_string())),
        ("UTCDate", Some(date)),
        ("UTCTime", Some(score.made.format("%H:%M:%S").to_string())),
        ("TimeControl", Some(game.time_control.map_or("-".to_owned(), control))),
        ("ECO", eco),
        ("Opening", opening),
        ("Termination", Some(termination(game).to_owned())),
    ]
}

/// The tags that an imported game came with, as they were; only its opening is told if they did not tell one.
fn given_tags<'a>(score: &Score<'a>, tags: &Tags, (eco, opening): Opening) -> TagList<'a> {
    let known = |tag: &Option<String>| Some(tag.clone().unwrap_or_else(|| "?".to_owned()));
    let number = |tag: Option<i32>| tag.map(|number| number.to_string());
    let signed = |tag: Option<i32>| tag.map(|number| format!("{number:+}"));
    vec![
        ("Event", known(&tags.event)),
        ("Site", known(&tags.site)),
        ("Date", Some(tags.date.clone().unwrap_or_else(|| "????.??.??".to_owned()))),
        ("Round", known(&tags.round)),
        ("White", known(&tags.white)),
        ("Black", known(&tags.black)),
        ("Result", Some(result(score.game).to_owned())),
        ("GameId", Some(score.id.to_string())),
        ("WhiteElo", number(tags.white_elo)),
        ("BlackElo", number(tags.black_elo)),
        ("WhiteRatingDiff", signed(tags.white_rating_diff)),
        ("BlackRatingDiff", signed(tags.black_rating_diff)),
        ("WhiteTitle", tags.white_title.clone()),
        ("BlackTitle", tags.black_title.clone()),
        ("TimeControl", tags.given_time_control.clone()),
        ("ECO", tags.given_eco.clone().or(eco)),
        ("Opening", tags.given_opening.clone().or(opening)),
        ("Termination", tags.termination.clone()),
    ]
}

fn escaped(value: &str) -> String {
    let plain = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.fold(String::new(), |mut text, c| {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

fn result(game: &ChessGame) -> &'static str {
    match game.result {
        Some(GameResult::WhiteWin) => "1-0",
        Some(GameResult::BlackWin) => "0-1",
        Some(GameResult::Draw) => "1/2-1/2",
        Some(GameResult::Aborted) | None => "*",
    }
}

fn termination(game: &ChessGame) -> &'static str {
    match (game.status, game.end_reason) {
        (GameStatus::Pending | GameStatus::Active | GameStatus::Paused, _) => "Unterminated",
        (_, Some(EndReason::Timeout | EndReason::TimeoutAgainstBareMaterial)) => "Time forfeit",
        (_, Some(EndReason::Abort | EndReason::Expiry | EndReason::PauseExpiry | EndReason::Termination)) => {
            "Abandoned"
        }
        (GameStatus::Completed | GameStatus::Terminated, _) => "Normal",
    }
}

/// `300+3`, in seconds.
fn control(control: TimeControl) -> String {
    let seconds = |millis: i64| match (millis / 1000, millis % 1000) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part:03}").trim_end_matches('0').to_owned(),
    };
    format!("{}+{}", seconds(control.initial_ms), seconds(control.increment_ms))
}

/// `0:05:01.3`: tenths only where there are some.
fn clock(millis: i64) -> String {
    let (seconds, tenths) = (millis / 1000, millis % 1000 / 100);
    let whole = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if tenths == 0 { whole } else { format!("{whole}.{tenths}") }
}

/// Numbers, moves, clocks, and the result.
fn words(score: &Score<'_>) -> Vec<String> {
    let first = score.game.initial_fen.as_deref().and_then(|fen| Position::from_fen(fen).ok());
    let first = first.unwrap_or_else(Position::start).ply();
    let mut words = Vec::with_capacity(score.moves.len() * 6 + 1);
    let mut told = false; // Whether a comment stands between a move and Black's, which then needs a number.
    for (played, ply) in score.moves.iter().zip(first..) {
        match (ply % 2, told || words.is_empty()) {
            (0, _) => words.push(format!("{}.", ply / 2 + 1)),
            (_, true) => words.push(format!("{}...", ply / 2 + 1)),
            (_, false) => {}
        }
        words.push(played.move_notation.clone());
        told = played.remaining_ms.is_some();
        if let Some(left) = played.remaining_ms {
            words.extend(["{".to_owned(), format!("[%clk {}]", clock(left)), "}".to_owned()]);
        }
    }
    words.push(result(score.game).to_owned());
    words
}

fn wrap(out: &mut String, words: Vec<String>) {
    let mut column = 0;
    for word in words {
        if column > 0 {
            let fits = column + 1 + word.len() <= WIDTH;
            out.push(if fits { ' ' } else { '\n' });
            column = if fits { column + 1 } else { 0 };
        }
        column += word.len();
        out.push_str(&word);
    }
    out.push('\n');
}
