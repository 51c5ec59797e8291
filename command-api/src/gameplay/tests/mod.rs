//! Given the events of a game, when a command is decided, then these events follow or this refusal.

mod clock;
mod create;
mod import;
mod invitation;
mod pgn;
mod play;
mod property;
mod real_clocks;
mod saving;
mod update;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use event_schema::auth::user::Role;
use event_schema::gameplay::game_event::{EndReason, GameEvent, GameMode, GameResult, GameType};
use event_schema::ids::{CommandId, UserId};
use uuid::Uuid;

use super::create::CreateGame;
use super::game::{Game, player_of, position};
use super::play::CreateGameMove;
use super::player::Player;
use super::update::UpdateGame;
use crate::es::aggregate::{Actor, Aggregate, Command, Context, Decision, Refused, Rejection};
use crate::es::effect::Effect;

const WHITE: UserId = UserId(Uuid::from_u128(0xA));
const BLACK: UserId = UserId(Uuid::from_u128(0xB));
const STRANGER: UserId = UserId(Uuid::from_u128(0xC));
const ADMIN: UserId = UserId(Uuid::from_u128(0xD));
const STREAM: Uuid = Uuid::from_u128(0x6A3E);

/// Server time so many seconds after noon.
fn at(seconds: i64) -> DateTime<Utc> {
    in_millis(seconds * 1000)
}

fn in_millis(millis: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
    noon + TimeDelta::milliseconds(millis)
}

fn user(id: UserId) -> Actor {
    Actor::User(id, if id == ADMIN { Role::Admin } else { Role::User })
}

fn cx(actor: Actor, millis: i64) -> Context {
    Context { actor, now: in_millis(millis), command: CommandId(Uuid::from_u128(0xC0)), stream: STREAM }
}

fn player(id: UserId) -> Player {
    Player { id, guest: false }
}

/// White's own open public game.
fn open() -> CreateGame {
    CreateGame {
        white: player(WHITE),
        black: None,
        created_by: None,
        mode: GameMode::Public,
        game_type: GameType::Untimed,
        time_control: None,
        code: None,
        initial_fen: None,
        open_for: TimeDelta::days(7),
    }
}

/// White's game against Black.
fn create() -> CreateGame {
    CreateGame { black: Some(player(BLACK)), ..open() }
}

fn join(id: UserId) -> UpdateGame {
    UpdateGame { black: Some(player(id)), ..UpdateGame::default() }
}

fn with(change: impl FnOnce(&mut UpdateGame)) -> UpdateGame {
    let mut update = UpdateGame { keep_saved: TimeDelta::days(30), ..UpdateGame::default() };
    change(&mut update);
    update
}

fn result(result: GameResult) -> UpdateGame {
    UpdateGame { result: Some(result), ..UpdateGame::default() }
}

fn play(number: i64, notation: &str) -> CreateGameMove {
    CreateGameMove { number, notation: notation.into(), by: None, client_time: None }
}

/// A game with a past: issues commands as the store does, one second apart.
#[derive(Clone, Default)]
struct Table {
    game: Game,
    events: Vec<(GameEvent, Option<Uuid>)>,
    /// The timers that the commands have left, by kind.
    timers: BTreeMap<&'static str, DateTime<Utc>>,
    millis: i64,
}

impl Table {
    fn after<C: Command<Aggregate = Game>>(actor: UserId, command: &C) -> Self {
        let mut table = Self::default();
        table.issue(user(actor), command).unwrap();
        table
    }

    /// White against Black, these moves played.
    fn with_moves(moves: &str) -> Self {
        let mut table = Self::after(WHITE, &create());
        table.play_all(moves);
        table
    }

    /// White against Black from this position.
    fn from_fen(fen: &str) -> Self {
        Self::after(WHITE, &CreateGame { initial_fen: Some(fen.into()), ..create() })
    }

    fn play_all(&mut self, moves: &str) {
        for notation in moves.split_whitespace() {
            self.issue(user(self.to_move()), &play(self.next(), notation)).unwrap();
        }
    }

    fn decide<C: Command<Aggregate = Game>>(
        &self,
        actor: Actor,
        command: &C,
    ) -> Result<Decision<GameEvent>, Rejection> {
        command.decide(&self.game, &cx(actor, self.millis))
    }

    fn issue<C: Command<Aggregate = Game>>(&mut self, actor: Actor, command: &C) -> Result<Vec<GameEvent>, Rejection> {
        self.millis += 1000;
        self.issue_now(actor, command)
    }

    fn issue_now<C: Command<Aggregate = Game>>(
        &mut self,
        actor: Actor,
        command: &C,
    ) -> Result<Vec<GameEvent>, Rejection> {
        let decision = self.decide(actor, command)?;
        assert!(!decision.events.is_empty() || decision.effects.is_empty(), "effects need an event");
        for effect in &decision.effects {
            if let Effect::SetTimer { kind, due_at, .. } = effect {
                self.timers.insert(kind, *due_at);
            } else if let Effect::CancelTimer { kind, .. } = effect {
                self.timers.remove(kind);
            } else {
                panic!("{effect:?}");
            }
        }
        self.record(actor, &decision.events);
        Ok(decision.events)
    }

    fn record(&mut self, actor: Actor, events: &[GameEvent]) {
        let actor = actor.user_id().map(|id| id.0);
        for event in events {
            self.game.evolve(event, actor);
            self.events.push((event.clone(), actor));
        }
    }

    fn object(&self) -> &event_schema::gameplay::chess_game::ChessGame {
        &self.game.stored().unwrap().object
    }

    fn next(&self) -> i64 {
        i64::from(self.object().move_count) + 1
    }

    fn to_move(&self) -> UserId {
        let side = position(self.object()).unwrap().side_to_move();
        player_of(self.object(), side).unwrap_or(BLACK)
    }

    fn end(&self) -> (Option<GameResult>, Option<EndReason>) {
        (self.object().result, self.object().end_reason)
    }

    #[track_caller]
    fn refuses<C: Command<Aggregate = Game>>(&self, actor: UserId, command: &C, kind: Refused, word: &str) {
        let refusal = self.decide(user(actor), command).unwrap_err();
        assert_eq!(refusal.kind, kind, "{refusal}");
        assert!(refusal.detail.contains(word) || refusal.code.contains(word), "{}: {refusal}", refusal.code);
    }
}
