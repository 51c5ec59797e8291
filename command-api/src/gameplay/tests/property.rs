use super::*;
use crate::gameplay::timers::ExpireOpenGame;
use event_schema::gameplay::game_event::{GameStatus, ReportStatus};
use proptest::prelude::*;

/// Something that anybody might send.
#[derive(Clone, Debug)]
enum Sent {
    Create(CreateGame),
    Update(UpdateGame),
    Move(CreateGameMove),
    /// The n-th legal move, by the player to move.
    Legal(usize),
    Expire,
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

fn a_creation() -> impl Strategy<Value = CreateGame> {
    let black = prop_oneof![3 => Just(Some(player(BLACK))), 1 => Just(None)];
    (black, any::<bool>(), fen()).prop_map(|(black, private, initial_fen)| CreateGame {
        black,
        mode: if private { GameMode::Private } else { GameMode::Public },
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
    let status = prop::option::weighted(
        0.2,
        prop::sample::select(vec![GameStatus::Active, GameStatus::Completed, GameStatus::Paused]),
    );
    let report = prop::option::weighted(0.1, Just(ReportStatus::Reported));
    let black = prop::option::weighted(0.3, anybody().prop_map(player));
    (result, status, report, black, prop::option::weighted(0.1, any::<bool>())).prop_map(
        |(result, status, report_status, black, save_request_white)| UpdateGame {
            result,
            status,
            report_status,
            black,
            save_request_white,
            ..UpdateGame::default()
        },
    )
}

fn a_move() -> impl Strategy<Value = CreateGameMove> {
    let text = prop_oneof!["[KQRBN]?[a-h][1-8]", "[a-h][1-8][a-h][1-8]q?", "O-O(-O)?", ".{0,8}"];
    (-1i64..40, text, prop::option::weighted(0.2, anybody())).prop_map(|(number, notation, by)| CreateGameMove {
        number,
        notation,
        by,
    })
}

fn anything() -> impl Strategy<Value = (UserId, Sent)> {
    let sent = prop_oneof![
        1 => a_creation().prop_map(Sent::Create),
        2 => an_update().prop_map(Sent::Update),
        3 => a_move().prop_map(Sent::Move),
        30 => any::<usize>().prop_map(Sent::Legal),
        1 => Just(Sent::Expire),
    ];
    (anybody(), sent)
}

impl Table {
    fn send(&mut self, actor: UserId, sent: &Sent) -> Result<Vec<GameEvent>, Rejection> {
        match sent {
            Sent::Create(command) => self.issue(user(actor), command),
            Sent::Update(command) => self.issue(user(actor), command),
            Sent::Move(command) => self.issue(user(actor), command),
            Sent::Expire => self.issue(Actor::System, &ExpireOpenGame),
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

    /// What holds of every game at every time.
    fn check(&self) {
        let replayed = self.events.iter().fold(Game::default(), |mut game, (event, actor)| {
            game.evolve(event, *actor);
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sent_a_game_stays_a_game(
        create in a_creation().prop_filter("playable", |c| c.initial_fen.as_deref() != Some("nonsense")),
        sent in prop::collection::vec(anything(), 0..60),
    ) {
        let mut table = Table::after(WHITE, &create);
        for (actor, command) in &sent {
            let before = table.game.clone();
            let ended = table.object().result.is_some();
            let outcome = table.send(*actor, command);
            if ended || outcome.is_err() {
                prop_assert_eq!(&table.game, &before, "{:?} changed it", command);
            }
        }
        table.check();
    }

    #[test]
    fn every_command_on_nothing_is_refused(actor in anybody(), update in an_update(), played in a_move()) {
        let table = Table::default();
        prop_assert_eq!(table.decide(user(actor), &update).unwrap_err().kind, Refused::NotFound);
        prop_assert_eq!(table.decide(user(actor), &played).unwrap_err().kind, Refused::NotFound);
    }
}
