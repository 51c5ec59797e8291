use super::*;
use crate::gameplay::delete::DeleteGame;
use crate::gameplay::timers::{ExpireOpenGame, ExpirePause, FLAG, FallFlag, OPEN_GAME_EXPIRY, PAUSE_EXPIRY};
use crate::gameplay::update::Reply;
use event_schema::event::DomainEvent;
use event_schema::gameplay::game_event::{GameStatus, ReportStatus, SaveStatus};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Something that anybody might send.
#[derive(Clone, Debug)]
enum Sent {
    Create(CreateGame),
    Update(UpdateGame),
    Move(CreateGameMove),
    /// The n-th legal move, by the player to move.
    Legal(usize),
    /// So many milliseconds pass.
    Wait(i64),
    Delete,
    Expire,
    ExpirePause,
    FallFlag,
}

fn anybody() -> impl Strategy<Value = UserId> {
    prop_oneof![4 => Just(WHITE), 4 => Just(BLACK), 1 => Just(STRANGER), 1 => Just(ADMIN)]
}

fn fen() -> impl Strategy<Value = Option<String>> {
    let known = prop::sample::select(vec![
        "4k3/8/8/8/8/8/4P3/4K3 w - - 0 1",
        "7k/8/8/8/8/8/R7/3K4 b - - 98 90",
        "8/P6k/8/8/8/8/p6K/8 w - - 0 70",
        "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 145 90",
        "nonsense",
    ]);
    prop_oneof![6 => Just(None), 4 => known.prop_map(|fen| Some(fen.to_owned()))]
}

/// The code of private games.
const CODE: &str = "sesame";

/// How a game comes into being.
#[derive(Clone, Debug)]
enum Beginning {
    Made(CreateGame),
    Imported(&'static str),
}

impl Beginning {
    fn table(&self) -> Table {
        match self {
            Self::Made(create) => Table::after(WHITE, create),
            Self::Imported(pgn) => import::imported(&import::checked(pgn).unwrap().import),
        }
    }
}

fn a_beginning() -> impl Strategy<Value = Beginning> {
    let playable = a_creation().prop_filter("playable", |c| c.initial_fen.as_deref() != Some("nonsense"));
    let pgn = prop::sample::select(vec!["1. e4 e5 2. Nf3 1-0", "1. f3 e5 2. g4 Qh4# 0-1", "*"]);
    prop_oneof![12 => playable.prop_map(Beginning::Made), 1 => pgn.prop_map(Beginning::Imported)]
}

fn a_creation() -> impl Strategy<Value = CreateGame> {
    let black = prop_oneof![3 => Just(Some(player(BLACK))), 1 => Just(None)];
    let kind = prop::sample::select(vec![GameType::Untimed, GameType::Blitz, GameType::Rapid]);
    (black, any::<bool>(), fen(), kind).prop_map(|(black, private, initial_fen, game_type)| CreateGame {
        black,
        game_type,
        mode: if private { GameMode::Private } else { GameMode::Public },
        code: private.then(|| CODE.to_owned()),
        initial_fen,
        ..open()
    })
}

fn an_update() -> impl Strategy<Value = UpdateGame> {
    let result = prop::option::of(prop::sample::select(vec![
        GameResult::WhiteWin,
        GameResult::BlackWin,
        GameResult::Draw,
        GameResult::Draw,
        GameResult::Aborted,
    ]));
    let status = prop::sample::select(vec![
        GameStatus::Active,
        GameStatus::Completed,
        GameStatus::Paused,
        GameStatus::Paused,
        GameStatus::Terminated,
    ]);
    let reply = prop::sample::select(vec![Reply::Accepted, Reply::Declined]);
    let save = prop::sample::select(vec![SaveStatus::NotSaveable, SaveStatus::Requested, SaveStatus::Paused]);
    let report = prop::sample::select(vec![ReportStatus::Reported, ReportStatus::UnderReview, ReportStatus::None]);
    let one = prop_oneof![
        4 => result.prop_map(|result| with(|u| u.result = result)),
        2 => status.prop_map(|status| with(|u| u.status = Some(status))),
        1 => report.prop_map(|status| with(|u| u.report_status = Some(status))),
        2 => anybody().prop_map(|id| with(|u| u.black = Some(player(id)))),
        3 => any::<bool>().prop_map(|wish| with(|u| u.save_request_white = Some(wish))),
        3 => any::<bool>().prop_map(|wish| with(|u| u.save_request_black = Some(wish))),
        1 => save.prop_map(|status| with(|u| u.save_status = Some(status))),
        1 => reply.clone().prop_map(|reply| with(|u| u.save_answer = Some(reply))),
        1 => reply.prop_map(|reply| with(|u| u.draw_answer = Some(reply))),
        1 => anybody().prop_map(|id| with(|u| u.terminated_by_id = Some(id))),
    ]
    .boxed();
    let code = prop::option::weighted(0.3, prop::sample::select(vec![CODE, "Sesame", ""]));
    (one.clone(), prop::option::weighted(0.3, one), code).prop_map(|(one, other, code)| {
        let both = match other {
            Some(other) => merged(one, other),
            None => one,
        };
        UpdateGame { code: code.map(str::to_owned), ..both }
    })
}

/// What both say; the first where both say something.
fn merged(one: UpdateGame, other: UpdateGame) -> UpdateGame {
    UpdateGame {
        black: one.black.or(other.black),
        code: one.code.or(other.code),
        status: one.status.or(other.status),
        result: one.result.or(other.result),
        current_fen: one.current_fen.or(other.current_fen),
        moved_at: one.moved_at.or(other.moved_at),
        save_status: one.save_status.or(other.save_status),
        save_request_white: one.save_request_white.or(other.save_request_white),
        save_request_black: one.save_request_black.or(other.save_request_black),
        terminated_by_id: one.terminated_by_id.or(other.terminated_by_id),
        report_status: one.report_status.or(other.report_status),
        draw_answer: one.draw_answer.or(other.draw_answer),
        save_answer: one.save_answer.or(other.save_answer),
        keep_saved: one.keep_saved,
    }
}

fn a_move() -> impl Strategy<Value = CreateGameMove> {
    let text = prop_oneof!["[KQRBN]?[a-h][1-8]", "[a-h][1-8][a-h][1-8]q?", "O-O(-O)?", ".{0,8}"];
    (-1i64..40, text, prop::option::weighted(0.2, anybody())).prop_map(|(number, notation, by)| CreateGameMove {
        number,
        notation,
        by,
        client_time: None,
    })
}

fn anything() -> impl Strategy<Value = (UserId, Sent)> {
    let sent = prop_oneof![
        1 => a_creation().prop_map(Sent::Create),
        8 => an_update().prop_map(Sent::Update),
        3 => a_move().prop_map(Sent::Move),
        30 => any::<usize>().prop_map(Sent::Legal),
        6 => prop_oneof![-5_000i64..5_000, 60_000i64..200_000].prop_map(Sent::Wait),
        1 => Just(Sent::Expire),
        1 => Just(Sent::ExpirePause),
        3 => Just(Sent::FallFlag),
        1 => prop::bool::weighted(0.1).prop_map(|really| if really { Sent::Delete } else { Sent::FallFlag }),
    ];
    (anybody(), sent)
}

impl Table {
    fn send(&mut self, actor: UserId, sent: &Sent) -> Result<Vec<GameEvent>, Rejection> {
        match sent {
            Sent::Create(command) => self.issue(user(actor), command),
            Sent::Update(command) => {
                let events = self.issue(user(actor), command)?;
                assert!(events.len() <= 1, "one thing at a time: {events:?}");
                Ok(events)
            }
            Sent::Move(command) => self.issue(user(actor), command),
            Sent::Wait(millis) => {
                self.millis += millis;
                Ok(Vec::new())
            }
            Sent::Delete => self.issue(user(actor), &DeleteGame),
            Sent::Expire => self.fire(OPEN_GAME_EXPIRY, &ExpireOpenGame),
            Sent::ExpirePause => self.fire(PAUSE_EXPIRY, &ExpirePause),
            Sent::FallFlag => self.fire(FLAG, &FallFlag),
            Sent::Legal(n) => {
                let legal = position(self.object()).unwrap().legal_moves();
                if legal.is_empty() {
                    return Ok(Vec::new());
                }
                let command = play(self.next(), &legal[n % legal.len()]);
                let events = self.issue(user(self.to_move()), &command)?;
                let again = self.decide(user(self.to_move()), &command).unwrap_err();
                assert_eq!(again.kind, Refused::Conflict, "{again}");
                Ok(events)
            }
        }
    }

    /// A timer fires. What has happened then is removed by the runner and not by the command.
    fn fire(&mut self, kind: &str, command: &impl Command<Aggregate = Game>) -> Result<Vec<GameEvent>, Rejection> {
        let events = self.issue(Actor::System, command)?;
        if !events.is_empty() {
            self.timers.remove(kind);
        }
        Ok(events)
    }

    /// What no command changes once a game is over.
    fn over(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let game = self.object();
        let clocks = (game.white_remaining_ms, game.black_remaining_ms, game.clock_runs_since);
        (game.status, self.end(), game.current_fen.clone(), game.move_count, clocks)
    }

    /// The timers that a game needs stand, none too late, and no others.
    fn check_timers(&self) {
        let game = self.object();
        let clock = crate::gameplay::clock::deadline(game);
        let wanted = match game.status {
            _ if !self.game.stored().unwrap().active => None,
            GameStatus::Pending => Some(OPEN_GAME_EXPIRY),
            GameStatus::Active => clock.map(|_| FLAG),
            GameStatus::Paused => Some(PAUSE_EXPIRY).filter(|_| game.mode == GameMode::Public),
            GameStatus::Completed | GameStatus::Terminated => None,
        };
        assert!(self.timers.keys().copied().eq(wanted), "{:?}, not {wanted:?}", self.timers);
        if let Some(due) = clock {
            assert!(self.timers[FLAG] <= due, "the flag would be noticed too late");
            assert_eq!(self.game.flag(), Some(self.timers[FLAG]));
        }
    }

    /// Nobody gains more than his increment, and only by moving.
    fn check_clocks(&self) {
        let mut game = Game::default();
        for (event, actor) in &self.events {
            let before = game.stored().map(|stored| stored.object.clone());
            game.evolve(event, *actor);
            let (Some(before), Some(after)) = (before, game.stored().map(|stored| &stored.object)) else { continue };
            let Some(control) = after.time_control else { continue };
            let pairs = [
                (before.white_remaining_ms, after.white_remaining_ms, before.white_to_move()),
                (before.black_remaining_ms, after.black_remaining_ms, !before.white_to_move()),
            ];
            for (was, is, moves) in pairs {
                let gain = if moves && number_of(event).is_some() { control.increment_ms } else { 0 };
                assert!(is.unwrap() <= was.unwrap() + gain && is.unwrap() >= 0, "{event:?}: {was:?} to {is:?}");
                assert!(moves || is == was, "{event:?}: who is not to move uses no time");
            }
        }
    }

    /// What holds of every game at every time.
    fn check(&self) {
        let replayed = self.events.iter().fold(Game::default(), |mut game, (event, actor)| {
            let (kind, data) = event.to_row();
            let row = serde_json::from_str(&data.to_string()).unwrap();
            let read = GameEvent::from_row(&kind, GameEvent::schema(&kind), &row).unwrap();
            assert_eq!(&read, event);
            game.evolve(&read, *actor);
            game
        });
        assert_eq!(replayed, self.game);
        let row = serde_json::to_string(&self.game).unwrap();
        assert_eq!(serde_json::from_str::<Game>(&row).unwrap(), self.game);
        let numbers: Vec<u32> = self.events.iter().filter_map(|(event, _)| number_of(event)).collect();
        assert_eq!(numbers, (1..=self.object().move_count).collect::<Vec<_>>());
        assert_eq!(self.game.moves().count(), numbers.len());
        assert_eq!(position(self.object()).unwrap().fen(), self.object().current_fen);
        assert!(self.game.repetitions().keys().len() <= 151);
    }
}

fn number_of(event: &GameEvent) -> Option<u32> {
    if let GameEvent::MovePlayed(played) = event { Some(played.move_number) } else { None }
}

/// So many games in which up to `most` things are sent.
fn whatever_is_sent(cases: u32, most: usize) {
    let given = (a_beginning(), prop::collection::vec(anything(), 0..most));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&given, |(beginning, sent)| {
        let mut table = beginning.table();
        for (actor, command) in &sent {
            let before = table.game.clone();
            let (ended, over) = (table.object().result.is_some(), table.over());
            let outcome = table.send(*actor, command);
            if outcome.is_err() {
                prop_assert_eq!(&table.game, &before, "{:?} changed it", command);
            }
            prop_assert!(!ended || table.over() == over, "{:?} changed a finished game", command);
            table.check_timers();
        }
        table.check();
        table.check_clocks();
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn whatever_is_sent_a_game_stays_a_game() {
    whatever_is_sent(256, 60);
}

#[test]
#[ignore = "long"]
fn whatever_is_sent_many_long_games_stay_games() {
    whatever_is_sent(5_000, 300);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_command_on_nothing_is_refused(actor in anybody(), update in an_update(), played in a_move()) {
        let table = Table::default();
        prop_assert_eq!(table.decide(user(actor), &update).unwrap_err().kind, Refused::NotFound);
        prop_assert_eq!(table.decide(user(actor), &played).unwrap_err().kind, Refused::NotFound);
    }
}
