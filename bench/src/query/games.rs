//! A million games for analysts: each is one that the product ships, played by others at another time, with other
//! ratings. So openings, results, lengths, clocks and ends are distributed as in real games, and belong together.
//!
//! The projector's own fold makes the documents. A game's moves are told to it in two: the first, and one that leads
//! where the opening has its name and takes the time of all the others; analysts see no difference.

use std::fs;

use chrono::{DateTime, Utc};
use command_api::gameplay::import::check::check;
use command_api::gameplay::import::command::ImportGame;
use event_schema::envelope::Recorded;
use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::{GameEvent, MovePlayed};
use event_schema::gameplay::imported::{GameImported, Tags};
use event_schema::ids::{CommandId, UserId};
use event_schema::names::Namespace;
use event_schema::openings;
use event_schema::views::player_game::Colour;
use fastrand::Rng;
use projector::{Made, Maker};
use stack::error::{Context, Error, Result};
use stack::play;
use stack::play::crowd::each;
use stack::play::pgn;
use uuid::Uuid;

use crate::Bench;
use crate::elastic::{Elastic, Lines};

/// The view of games.
pub const GAMES: &str = "chessGameListView";
/// The view of games and players.
pub const SIDES: &str = "playerGameView";
/// The second at which the first of them may begin: 2023-06-01.
pub const FIRST: i64 = 1_685_577_600;
/// The games that the product ships were played before this second: 2026-01-01.
const SHIPPED: i64 = 1_767_225_600;
/// They begin within so many seconds: two years.
pub const SPAN: i64 = 2 * 365 * 86_400;

/// Players; some play more than others.
const PLAYERS: f64 = 20_000.0;
/// Games that one history becomes, under other ids: folding one is dearer than writing ten.
const COPIES: u64 = 10;
/// Games that are written at once; a multiple of [`COPIES`].
const CHUNK: u64 = 2_500;
/// Requests in flight.
const IN_FLIGHT: usize = 2;

/// What games are made of.
pub struct Games {
    sources: Vec<ImportGame>,
    game: Maker,
    side: Maker,
}

/// The documents of some games.
#[derive(Default)]
struct Documents {
    games: Vec<Lines>,
    sides: Vec<Lines>,
}

/// The instant of a second since 1970.
pub fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap_or_default()
}

/// Writes so many games into both views as they are served, and waits until they are found. No projector may run: it
/// would know nothing of them.
pub fn fill(bench: &Bench, elastic: &Elastic, games: u64) -> Result<()> {
    let source = Games::read()?;
    let [list, sides] = [GAMES, SIDES].map(|view| Namespace::default().index(view));
    let task = bench.screen.steps("filling", games);
    let chunks: Vec<u64> = (0..games).step_by(CHUNK as usize).collect();
    each(IN_FLIGHT, &chunks, |first| {
        if bench.stop.is_wanted() {
            return Err(Error::new("interrupted"));
        }
        let count = CHUNK.min(games - first);
        let documents = source.documents(*first, count)?;
        elastic.bulk(&list, &documents.games)?;
        elastic.bulk(&sides, &documents.sides)?;
        task.add(count as usize);
        Ok(())
    })?;
    task.doing("refreshing and merging");
    elastic.settle(&list)?;
    elastic.settle(&sides)?;
    task.done(&format!("{games} games"));
    Ok(())
}

impl Games {
    /// From the games that the product ships.
    pub fn read() -> Result<Self> {
        let file = play::sample();
        let text = fs::read_to_string(&file).context(|| format!("cannot read {}", file.display()))?;
        let import = |game: &pgn::Game| {
            let found = check(game, instant(SHIPPED));
            found.map(|found| found.import).map_err(|faults| Error::new(format!("a game is refused: {faults:?}")))
        };
        let sources = pgn::read(&text)?.iter().map(import).collect::<Result<Vec<_>>>()?;
        let maker = |view: &str| Maker::of(view).context(|| format!("there is no view {view}"));
        Ok(Self { sources, game: maker(GAMES)?, side: maker(SIDES)? })
    }

    /// The documents of so many games from this number on; the same for the same numbers.
    fn documents(&self, first: u64, count: u64) -> Result<Documents> {
        let mut documents = Documents::default();
        for number in (first..first + count).step_by(COPIES as usize) {
            let (at, events) = self.history(number)?;
            let failed = || format!("game {number}");
            let games = self.game.documents(events.clone()).context(failed)?;
            let sides = self.side.documents(events).context(failed)?;
            let known = id(at, number);
            for other in (number..(first + count).min(number + COPIES)).map(|number| id(at, number)) {
                documents.games.extend(games.iter().map(|made| copy(made, &[(known, other)])));
                documents.sides.extend(sides.iter().map(|made| {
                    let own = Colour::BOTH.map(|colour| (colour.document_of(known), colour.document_of(other)));
                    let own = own.into_iter().find(|(own, _)| *own == made.id).unwrap_or((made.id, made.id));
                    copy(made, &[own, (known, other)])
                }));
            }
        }
        Ok(documents)
    }

    /// When a game begins, and its events.
    fn history(&self, number: u64) -> Result<(DateTime<Utc>, Vec<Recorded>)> {
        let mut chance = Rng::with_seed(number);
        let source = chance.choice(&self.sources).context(|| "there are no games to begin with".into())?;
        let at = instant(FIRST + chance.i64(0..SPAN));
        let beginning = beginning(&source.beginning, &mut chance, at);
        let moves = told_in_two(source).into_iter().map(|played| GameEvent::MovePlayed(of(&beginning, played)));
        let events = std::iter::once(GameEvent::GameImported(Box::new(beginning.clone()))).chain(moves);
        let stream = id(at, number);
        Ok((at, (1..).zip(events).map(|(version, event)| recorded(stream, version, at, &event)).collect()))
    }
}

/// The game as other players began it at another time.
fn beginning(source: &GameImported, chance: &mut Rng, at: DateTime<Utc>) -> GameImported {
    let mut player = || (chance.f64().powi(2) * PLAYERS) as u64;
    let (white, black) = (player(), player());
    let [white, black] =
        [white, if white == black { black + 1 } else { black }].map(|number| format!("player {number}"));
    let both = chance.i32(-150..=150) + chance.i32(-150..=150);
    let mut rating = |known: Option<i32>| known.map(|known| (known + both + chance.i32(-25..=25)).max(400));
    let (white_elo, black_elo) = (rating(source.tags.white_elo), rating(source.tags.black_elo));
    let mut more = source.tags.more.clone();
    let date = at.format("%Y.%m.%d").to_string();
    more.insert("UTCDate".to_owned(), date.clone());
    more.insert("UTCTime".to_owned(), at.format("%H:%M:%S").to_string());
    GameImported {
        player_white_id: UserId::named(&white),
        player_black_id: UserId::named(&black),
        at,
        tags: Tags {
            white: Some(white),
            black: Some(black),
            date: Some(date),
            played_at: Some(at),
            white_elo,
            black_elo,
            more,
            ..source.tags.clone()
        },
        ..source.clone()
    }
}

/// The first move of a game, and one for all others.
fn told_in_two(source: &ImportGame) -> Vec<MovePlayed> {
    let moves = &source.moves;
    let (Some(first), Some(last)) = (moves.first(), moves.last()) else { return Vec::new() };
    if moves.len() == 1 {
        return vec![first.clone()];
    }
    let named = moves.iter().rev().find(|played| openings::by_fen(&played.fen).is_some()).unwrap_or(last);
    let timed = moves.iter().all(|played| played.remaining_ms.is_some());
    let others = MovePlayed {
        fen: named.fen.clone(),
        move_time: moves.iter().skip(1).map(|played| played.move_time).sum(),
        remaining_ms: last.remaining_ms.filter(|_| timed),
        ..last.clone()
    };
    vec![first.clone(), others]
}

/// A move as one of this game.
fn of(game: &GameImported, played: MovePlayed) -> MovePlayed {
    let (white, black) = (game.player_white_id, game.player_black_id);
    let by = if played.move_number % 2 == 1 { white } else { black };
    MovePlayed { by, white, black, at: game.at, ..played }
}

/// The id of a game: in the order of time, as real ones are.
fn id(at: DateTime<Utc>, number: u64) -> Uuid {
    let millis = u128::from(at.timestamp_millis().unsigned_abs());
    Uuid::from_u128(millis << 80 | 0x7000_8000 << 48 | u128::from(number))
}

fn recorded(stream: Uuid, version: i32, at: DateTime<Utc>, event: &GameEvent) -> Recorded {
    let (kind, data) = event.to_row();
    Recorded {
        position: version.into(),
        stream_id: stream,
        version,
        category: GameEvent::CATEGORY.to_owned(),
        schema: GameEvent::schema(&kind),
        kind,
        command_id: CommandId(stream),
        ordinal: 0,
        correlation_id: stream,
        causation_id: None,
        actor_id: None,
        recorded_at: at,
        data,
    }
}

/// A document with other ids in the place of these; the first is its own.
fn copy(made: &Made, ids: &[(Uuid, Uuid)]) -> Lines {
    let mut source = String::from_utf8_lossy(&made.source).into_owned();
    for (from, to) in ids.iter().filter(|(from, to)| from != to) {
        source = source.replace(&from.to_string(), &to.to_string());
    }
    let own = ids.first().map_or(made.id, |(_, to)| *to);
    Lines::of(&own.to_string(), made.version, &source)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use event_schema::views::dimensions::{GAME_DIMENSIONS, RATING_DIMENSIONS};
    use serde_json::Value;

    use super::*;

    fn fields(made: &[Made]) -> Value {
        serde_json::from_slice(&made[0].source).unwrap()
    }

    #[test]
    fn moves_told_in_two_are_to_analysts_what_all_moves_are() {
        let games = Games::read().unwrap();
        assert!(games.sources.len() >= 200, "{}", games.sources.len());
        for source in &games.sources {
            let fold = |moves: Vec<MovePlayed>| {
                let moves = moves.into_iter().map(GameEvent::MovePlayed);
                let events = std::iter::once(GameEvent::GameImported(Box::new(source.beginning.clone()))).chain(moves);
                let at = source.beginning.at;
                let events = (1..).zip(events).map(|(version, event)| recorded(Uuid::nil(), version, at, &event));
                fields(&games.game.documents(events.collect()).unwrap())
            };
            let (whole, told) = (fold(source.moves.clone()), fold(told_in_two(source)));
            let shown = GAME_DIMENSIONS.iter().chain(RATING_DIMENSIONS).map(|field| field.name);
            for name in shown.chain(["lastMove", "result", "status", "event"]) {
                assert_eq!(told[name], whole[name], "{name} of {:?}", source.beginning.tags.site);
            }
        }
    }

    #[test]
    fn games_are_the_same_each_time_and_no_two_have_the_same_ids() {
        let games = Games::read().unwrap();
        let ids = |lines: &[Lines]| lines.iter().map(|lines| lines.id()).collect::<BTreeSet<String>>();
        let (some, again) = (games.documents(20, 25).unwrap(), games.documents(20, 25).unwrap());
        assert_eq!((ids(&some.games).len(), ids(&some.sides).len()), (25, 50));
        assert_eq!((ids(&again.games), ids(&again.sides)), (ids(&some.games), ids(&some.sides)));
        assert!(ids(&games.documents(45, 5).unwrap().games).is_disjoint(&ids(&some.games)));
    }

    #[test]
    fn a_copy_names_itself_and_its_game_in_every_place() {
        let games = Games::read().unwrap();
        let (at, _) = games.history(0).unwrap();
        let documents = games.documents(0, 2).unwrap();
        let [first, second] = [id(at, 0), id(at, 1)];
        for (place, game) in [(0, first), (1, second)] {
            assert_eq!(documents.games[place].source()["id"], game.to_string());
            for (colour, side) in Colour::BOTH.into_iter().zip(&documents.sides[2 * place..]) {
                let source = side.source();
                assert_eq!(source["id"], colour.document_of(game).to_string());
                assert_eq!((&source["gameId"], &source["colour"]), (&game.to_string().into(), &colour.as_str().into()));
                assert_eq!(side.id(), colour.document_of(game).to_string());
            }
        }
    }
}
