//! A log with games in it, made by way of the appender: real events that the projector folds.

use chrono::{SubsecRound as _, Utc};
use command_api::es::appender::{self, Appender, Limits};
use command_api::es::item::{EventRow, Item, Outcome, Write};
use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::{GameCreated, GameEvent, GameMode, GameType, MovePlayed};
use event_schema::ids::{CommandId, UserId};
use event_schema::names::Namespace;
use stack::error::{Context, Error, Result};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Events of a game: its beginning and this many moves less one.
pub const EVENTS_OF_A_GAME: u64 = 80;
/// Games that are filled at the same time.
const AT_ONCE: u64 = 256;
/// Positions that moves lead to, in turn.
const FENS: [&str; 4] = [
    "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1",
    "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2",
    "r1bq1rk1/pp2bppp/2n1pn2/2pp4/3P1B2/2PBPN2/PP1N1PPP/R2QK2R w KQ - 4 8",
    "8/5pk1/6p1/3R4/1r5P/6P1/5PK1/8 b - - 3 41",
];

/// Appends so many events (rounded up to whole games), many games at once; how many there are then.
pub fn games(url: &str, events: u64) -> Result<u64> {
    let runtime = Builder::new_multi_thread().enable_all().build().context(|| "cannot make a runtime".into())?;
    let database: tokio_postgres::Config = url.parse().context(|| "the database's URL is none".into())?;
    let games = events.div_ceil(EVENTS_OF_A_GAME);
    runtime.block_on(async {
        let (appender, running) = appender::start(&database, &Namespace::default(), Limits::default());
        let mut makers = JoinSet::new();
        for first in 0..AT_ONCE.min(games) {
            let appender = appender.clone();
            makers.spawn(async move {
                for _ in (first..games).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
                    game(&appender).await?;
                }
                Ok::<(), Error>(())
            });
        }
        drop(appender);
        while let Some(made) = makers.join_next().await {
            made.context(|| "a maker of games broke".into())??;
        }
        running.finished().await;
        Ok(games * EVENTS_OF_A_GAME)
    })
}

async fn game(appender: &Appender) -> Result<()> {
    let (stream, white, black) = (Uuid::now_v7(), UserId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    for (version, number) in (0_i32..).zip(0..EVENTS_OF_A_GAME) {
        let item = item(stream, version, number, [white, black]);
        match appender.append(item).await {
            Ok(Outcome::Appended { .. }) => {}
            other => return Err(Error::new(format!("an event was not appended: {other:?}"))),
        }
    }
    Ok(())
}

/// The event with this number of a game, from 0.
fn item(stream: Uuid, expected: i32, number: u64, players: [UserId; 2]) -> Item {
    let [white, black] = players;
    let at = Utc::now().trunc_subsecs(3);
    let fen = |number: u64| FENS.iter().cycle().nth((number % 4) as usize).copied().unwrap_or_default().to_owned();
    let event = if number == 0 {
        GameEvent::GameCreated(GameCreated {
            player_white_id: white,
            player_black_id: Some(black),
            created_by_id: white,
            mode: GameMode::Public,
            game_type: GameType::Blitz,
            invitation_code: None,
            initial_fen: None,
            current_fen: "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1".to_owned(),
            guest_player_white: false,
            guest_player_black: false,
            at,
            time_control: None,
        })
    } else {
        GameEvent::MovePlayed(MovePlayed {
            move_number: u32::try_from(number).unwrap_or(u32::MAX),
            uci: "g1f3".to_owned(),
            san: "Nf3".to_owned(),
            fen: fen(number),
            by: if number % 2 == 1 { white } else { black },
            white,
            black,
            move_time: 1234,
            at,
            remaining_ms: None,
            client_move_time: None,
        })
    };
    let (kind, data) = event.to_row();
    let command = CommandId::new();
    let schema = GameEvent::schema(&kind);
    Item {
        command,
        actor: Some(white.0),
        correlation: command.0,
        causation: None,
        meta: None,
        writes: vec![Write {
            stream,
            category: GameEvent::CATEGORY,
            expected,
            state: "{}".to_owned(),
            events: vec![EventRow { kind, schema, data: data.to_string() }],
        }],
        effects: vec![],
        claims: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_game_begins_and_is_played_by_its_two_players() {
        let players = [UserId(Uuid::now_v7()), UserId(Uuid::now_v7())];
        let read = |number: u64| {
            let item = item(Uuid::now_v7(), 0, number, players);
            let row = &item.writes[0].events[0];
            GameEvent::from_row(&row.kind, row.schema, &serde_json::from_str(&row.data).unwrap()).unwrap()
        };
        assert!(matches!(read(0), GameEvent::GameCreated(_)));
        let GameEvent::MovePlayed(second) = read(2) else { panic!("no move") };
        assert_eq!((second.by, second.move_number), (players[1], 2));
    }
}
