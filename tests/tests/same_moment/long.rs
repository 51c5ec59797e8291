//! Two hundred times over: all acts at once, a move and the flag, and every two acts of the two players.

use super::*;

#[test]
fn two_hundred_games_have_one_end_each() {
    rounds(20);
}

/// What a player does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Resign,
    Offer,
    Move,
}

const ACTS: [Act; 3] = [Act::Resign, Act::Offer, Act::Move];
/// Rounds of each two acts, ten at a time; every other one when Black's flag falls.
const ROUNDS: i64 = 200;

/// The player of a colour, at one of the processes, does it. It is Black's move; White's comes behind it or not at all.
async fn by(act: Act, who: &Actor, game: &Game) -> Answer {
    let black = who.id == game.black.id;
    let result = match act {
        Act::Move if black => return who.play(&game.id, 2, "e5").await,
        Act::Move => return who.play(&game.id, 3, "Nf3").await,
        Act::Resign if black => "whiteWin",
        Act::Resign => "blackWin",
        Act::Offer => "draw",
    };
    who.update_game(&game.id, json!({"result": result})).await
}

/// Both act at one moment, each at another process; the timer is that of the first one.
async fn two_acts(hall: &Hall, white: Act, black: Act, round: i64) -> Value {
    let (game, due) = hall.begun().await;
    let ahead = if round % 2 == 0 { 120 } else { 16 - round % 20 };
    until(due - TimeDelta::milliseconds(ahead)).await;
    let (ann, bob) = if round % 4 < 2 { (&hall.here[0], &hall.there[1]) } else { (&hall.there[0], &hall.here[1]) };
    let (one, other) = join(by(white, ann, &game), by(black, bob, &game)).await;
    one_outcome(&hall.system, &game, due, &[one, other]).await
}

#[test]
fn of_any_two_acts_of_the_two_players_one_ends_the_game() {
    with_two_processes(async |hall: &Hall| {
        for white in ACTS {
            for black in ACTS {
                let mut ended = Vec::new();
                for batch in 0..ROUNDS / 10 {
                    let games = (0..10).map(|place| two_acts(hall, white, black, batch * 10 + place));
                    ended.extend(join_all(games).await);
                }
                assert_eq!(ended.len() as i64, ROUNDS);
                say(&format!("games, White {white:?} and Black {black:?}: {:?}", summary(&ended)));
            }
        }
    });
}
