//! Every game of the log, played again by other rules than the product's own code.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::{EndReason, GameEvent, GameMode, GameResult, MovePlayed, TimeControl};
use event_schema::ids::UserId;
use uuid::Uuid;

use crate::chess::Position;
use crate::finding::Finding;

/// Plays every game again.
pub fn check(events: &[Recorded]) -> Vec<Finding> {
    let mut games: HashMap<Uuid, Board> = HashMap::new();
    let mut broken: HashMap<Uuid, String> = HashMap::new();
    for event in events.iter().filter(|event| event.category == GameEvent::CATEGORY) {
        let game = event.stream_id;
        if broken.contains_key(&game) {
            continue;
        }
        let step = match GameEvent::from_recorded(event) {
            Ok(decoded) => step(&mut games, game, &decoded),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = step {
            broken.insert(game, format!("version {} ({}): {why}", event.version, event.kind));
        }
    }
    broken.into_iter().map(|(game, detail)| Finding::IllegalGame { game, detail }).collect()
}

/// A game being played again.
struct Board {
    white: UserId,
    black: Option<UserId>,
    mode: GameMode,
    position: Position,
    seen: HashMap<String, u32>,
    moves: u32,
    offered: Option<UserId>,
    /// Who asks to save, or to resume.
    asks: Option<UserId>,
    paused: bool,
    clock: Option<Clock>,
    over: bool,
}

/// What White and Black have left in milliseconds, and since when the side to move uses it.
struct Clock {
    control: TimeControl,
    left: [i64; 2],
    since: Option<DateTime<Utc>>,
}

impl Clock {
    /// Milliseconds left to this side if it is to move.
    fn left(&self, side: usize, at: DateTime<Utc>) -> i64 {
        self.left[side] - self.since.map_or(0, |since| (at - since).num_milliseconds())
    }

    fn stop(&mut self, side: usize, at: DateTime<Utc>) {
        self.left[side] = self.left(side, at);
        self.since = None;
    }
}

type Checked = Result<(), String>;

fn must(holds: bool, why: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(why()) }
}

fn step(games: &mut HashMap<Uuid, Board>, game: Uuid, event: &GameEvent) -> Checked {
    if let GameEvent::GameCreated(made) = event {
        let fen = &made.current_fen;
        let position = Position::from_fen(fen).filter(|position| position.fen() == *fen);
        let position = position.ok_or_else(|| format!("`{fen}` is no canonical FEN"))?;
        let seen = HashMap::from([(position.key(), 1)]);
        let (white, black, mode) = (made.player_white_id, made.player_black_id, made.mode);
        let clock = made.time_control.map(|control| Clock { control, left: [control.initial_ms; 2], since: None });
        let board = Board {
            white,
            black,
            mode,
            position,
            seen,
            moves: 0,
            offered: None,
            asks: None,
            paused: false,
            clock,
            over: false,
        };
        return must(games.insert(game, board).is_none(), || "a second beginning".to_owned());
    }
    let board = games.get_mut(&game).ok_or("an event before the game's beginning")?;
    let moderates = matches!(event, GameEvent::ReportChanged { .. } | GameEvent::GameDeleted { .. });
    must(!board.over || moderates, || "an event after the game's end".to_owned())?;
    match event {
        GameEvent::GameCreated(_) | GameEvent::GameImported(_) | GameEvent::ReportChanged { .. } => Ok(()),
        GameEvent::GameTerminated { .. } | GameEvent::GameDeleted { .. } => {
            board.over = true;
            Ok(())
        }
        GameEvent::PlayerJoined { player_black_id, .. } => {
            must(board.black.is_none(), || format!("{player_black_id} joins, and Black is {:?}", board.black))?;
            must(*player_black_id != board.white, || "White joins as Black".to_owned())?;
            board.black = Some(*player_black_id);
            Ok(())
        }
        GameEvent::PlayerInvited(_) | GameEvent::PlayerUninvited(_) => {
            must(board.black.is_none(), || format!("an invitation, and Black is {:?}", board.black))
        }
        GameEvent::MovePlayed(played) => board.play(played),
        GameEvent::DrawOffered { by } => {
            must(board.is_player(*by), || format!("{by} does not play"))?;
            must(board.offered.is_none(), || format!("an offer of {:?} stands already", board.offered))?;
            board.offered = Some(*by);
            Ok(())
        }
        GameEvent::DrawDeclined { by } => {
            must(board.offered.is_some_and(|offered| offered != *by), || "no offer to decline".to_owned())?;
            board.offered = None;
            Ok(())
        }
        GameEvent::SaveRequested { by } | GameEvent::ResumeRequested { by } => {
            must(board.is_player(*by) && board.asks.is_none(), || format!("{by} asks, {:?} does", board.asks))?;
            board.asks = Some(*by);
            must(board.paused == matches!(event, GameEvent::ResumeRequested { .. }), || "nothing to ask".to_owned())
        }
        GameEvent::SaveWithdrawn { by } | GameEvent::ResumeWithdrawn { by } => {
            must(board.asks.take() == Some(*by), || format!("{by} takes back what he did not ask"))
        }
        GameEvent::SaveDeclined { by } | GameEvent::ResumeDeclined { by } => board.answered(*by),
        GameEvent::GamePaused { by, at } | GameEvent::GameResumed { by, at } => {
            board.answered(*by)?;
            board.pause(matches!(event, GameEvent::GamePaused { .. }), *at)
        }
        GameEvent::GameEnded { result, reason, by, at } => {
            board.over = true;
            board.end(*result, *reason, *by, *at)
        }
    }
}

impl Board {
    fn is_player(&self, user: UserId) -> bool {
        self.white == user || self.black == Some(user)
    }

    /// The other's wish is answered.
    fn answered(&mut self, by: UserId) -> Checked {
        must(self.is_player(by) && self.asks.take().is_some_and(|asks| asks != by), || format!("{by} was not asked"))
    }

    /// The place of the side to move.
    fn side(&self) -> usize {
        usize::from(!self.position.white_moves())
    }

    fn pause(&mut self, paused: bool, at: DateTime<Utc>) -> Checked {
        must(self.paused != paused, || format!("paused is {paused} already"))?;
        self.paused = paused;
        let (side, begun) = (self.side(), self.moves > 0);
        if let Some(clock) = &mut self.clock {
            if paused { clock.stop(side, at) } else { clock.since = Some(at).filter(|_| begun) }
        }
        Ok(())
    }

    fn play(&mut self, played: &MovePlayed) -> Checked {
        let MovePlayed { move_number: number, uci, fen, by, .. } = played;
        let (number, by, side) = (*number, *by, self.side());
        must(!self.paused, || format!("move {number} of a paused game"))?;
        must(number == self.moves + 1, || format!("move {number} follows move {}", self.moves))?;
        let mover = if self.position.white_moves() { Some(self.white) } else { self.black };
        must(mover == Some(by), || format!("{by} moves, and it is the turn of {mover:?}"))?;
        if let Some(clock) = &mut self.clock {
            let left = clock.left(side, played.at);
            must(clock.since.is_none() || left > 0, || format!("move {number} comes when the time is up"))?;
            let left = left + clock.since.map_or(0, |_| clock.control.increment_ms);
            must(played.remaining_ms == Some(left), || format!("{left} ms are left, not {:?}", played.remaining_ms))?;
            (clock.left[side], clock.since) = (left, Some(played.at));
        }
        let after = self.position.after(uci).ok_or_else(|| format!("{uci} in `{}`", self.position.fen()))?;
        must(after.fen() == *fen, || format!("after {uci} stands `{}`, not `{fen}`", after.fen()))?;
        if after.quiet() == 0 {
            self.seen.clear();
        }
        *self.seen.entry(after.key()).or_default() += 1;
        (self.position, self.moves) = (after, number);
        if self.offered.is_some_and(|offered| offered != by) {
            self.offered = None;
        }
        Ok(())
    }

    fn end(&self, result: GameResult, reason: EndReason, by: Option<UserId>, at: DateTime<Utc>) -> Checked {
        let (position, moves) = (&self.position, self.moves);
        let stuck = position.legal().is_empty();
        let times = self.seen.get(&position.key()).copied().unwrap_or(0);
        let last_mover_wins = if position.white_moves() { GameResult::BlackWin } else { GameResult::WhiteWin };
        let loser_says = by.is_some_and(|by| match result {
            GameResult::WhiteWin => self.black == Some(by),
            GameResult::BlackWin => self.white == by,
            GameResult::Draw | GameResult::Aborted => false,
        });
        let draw = result == GameResult::Draw;
        let time_is_up =
            self.clock.as_ref().is_some_and(|clock| clock.since.is_some() && clock.left(self.side(), at) <= 0);
        let fits = match reason {
            EndReason::Checkmate => stuck && position.is_check() && result == last_mover_wins,
            EndReason::Resignation => loser_says && self.black.is_some(),
            EndReason::Stalemate => draw && stuck && !position.is_check(),
            EndReason::Agreement => draw && by.is_some_and(|by| self.offered.is_some_and(|offered| offered != by)),
            EndReason::InsufficientMaterial => draw && position.is_bare(),
            EndReason::ThreefoldRepetition => draw && times >= 3,
            EndReason::FivefoldRepetition => draw && times >= 5,
            EndReason::FiftyMoves => draw && position.quiet() >= 100,
            EndReason::SeventyFiveMoves => draw && position.quiet() >= 150,
            EndReason::Abort => result == GameResult::Aborted && moves < 2,
            EndReason::Expiry => result == GameResult::Aborted && self.black.is_none(),
            EndReason::Timeout => time_is_up && result == last_mover_wins,
            EndReason::TimeoutAgainstBareMaterial => time_is_up && draw,
            EndReason::PauseExpiry => result == GameResult::Aborted && self.mode == GameMode::Public,
            EndReason::Termination => false, // It has an event of its own.
        };
        let fits = fits && self.paused == (reason == EndReason::PauseExpiry);
        must(fits, || format!("{result:?} by {reason:?} after {moves} moves ({:?}) in `{}`", self.mode, position.fen()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::samples::{black, created, ended, event, moved, white};
    use serde_json::json;

    fn told(events: &[Recorded]) -> String {
        check(events).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn legal_games_have_no_findings() {
        let moves = [created(1), moved(2, 1, "e2e4"), moved(3, 2, "e7e5")];
        assert_eq!(told(&moves), "");
        let resigned = ended(4, "blackWin", "resignation", Some(white()));
        assert_eq!(told(&[&moves[..], &[resigned]].concat()), "");
        let agreed = ended(5, "draw", "agreement", Some(black()));
        assert_eq!(told(&[&moves[..], &[event(4, "DrawOffered", json!({"by": white()})), agreed]].concat()), "");
    }

    #[test]
    fn every_broken_rule_is_told() {
        let start = || vec![created(1), moved(2, 1, "e2e4")];
        let with = |more: Recorded| told(&[start(), vec![more]].concat());
        assert!(with(moved(3, 2, "e2e4")).contains("IllegalGame"), "not a move of Black's");
        assert!(with(moved(3, 3, "e7e5")).contains("move 3 follows move 1"));
        assert!(with(created(3)).contains("a second beginning"));
        assert!(
            with(event(
                3,
                "PlayerJoined",
                json!({"playerBlackId": black(), "guest": false, "at": "2026-01-01T00:00:00Z"})
            ))
            .contains("joins")
        );
        assert!(with(ended(3, "whiteWin", "checkmate", None)).contains("Checkmate"));
        assert!(with(ended(3, "whiteWin", "resignation", Some(white()))).contains("Resignation"));
        assert!(with(ended(3, "draw", "agreement", Some(white()))).contains("Agreement"));
        let mut other = moved(3, 2, "e7e5");
        other.data["fen"] = json!("8/8/8/8/8/8/8/8 w - - 0 1");
        assert!(with(other).contains("stands"));
        assert!(with(ended(3, "whiteWin", "timeout", None)).contains("Timeout"), "a game without a clock");
        let pause = event(3, "GamePaused", json!({"by": black(), "at": "2026-01-01T00:00:00Z"}));
        assert!(with(pause).contains("was not asked"));
        let over = ended(3, "aborted", "abort", Some(white()));
        assert!(told(&[start(), vec![over, moved(4, 2, "e7e5")]].concat()).contains("after the game's end"));
        assert!(told(&[moved(1, 1, "e2e4")]).contains("before the game's beginning"));
    }
}
