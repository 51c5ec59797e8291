//! Given the events of a game, when a command is decided, then these events follow or this refusal.

mod create;
mod play;
mod property;
mod update;

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

const WHITE: UserId = UserId(Uuid::from_u128(0xA));
const BLACK: UserId = UserId(Uuid::from_u128(0xB));
const STRANGER: UserId = UserId(Uuid::from_u128(0xC));
const ADMIN: UserId = UserId(Uuid::from_u128(0xD));
const STREAM: Uuid = Uuid::from_u128(0x6A3E);

/// Server time so many seconds after noon.
fn at(seconds: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
    noon + TimeDelta::seconds(seconds)
}

fn user(id: UserId) -> Actor {
    Actor::User(id, if id == ADMIN { Role::Admin } else { Role::User })
}

fn cx(actor: Actor, seconds: i64) -> Context {
    Context { actor, now: at(seconds), command: CommandId(Uuid::from_u128(0xC0)), stream: STREAM }
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

fn result(result: GameResult) -> UpdateGame {
    UpdateGame { result: Some(result), ..UpdateGame::default() }
}

fn play(number: i64, notation: &str) -> CreateGameMove {
    CreateGameMove { number, notation: notation.into(), by: None }
}

/// A game with a past: issues commands as the store does, one second apart.
#[derive(Clone, Default)]
struct Table {
    game: Game,
    events: Vec<(GameEvent, Option<Uuid>)>,
    seconds: i64,
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
        command.decide(&self.game, &cx(actor, self.seconds))
    }

    fn issue<C: Command<Aggregate = Game>>(&mut self, actor: Actor, command: &C) -> Result<Vec<GameEvent>, Rejection> {
        self.seconds += 1;
        let decision = self.decide(actor, command)?;
        let actor = actor.user_id().map(|id| id.0);
        for event in &decision.events {
            self.game.evolve(event, actor);
            self.events.push((event.clone(), actor));
        }
        Ok(decision.events)
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
