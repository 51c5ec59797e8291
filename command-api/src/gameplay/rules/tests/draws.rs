//! The ends of a game: each draw, each claim, and who can still mate.

use super::super::{Claim, Color, Outcome, Position, Repetitions, position_key};
use super::{after, given, played};

const DANCE: &str = "Nf3 Nf6 Ng1 Ng8 ";

fn outcome_of(fen: &str) -> Option<Outcome> {
    given(fen).outcome(&Repetitions::starting(fen))
}

#[test]
fn mate_ends_the_game_for_the_side_that_gives_it() {
    let (position, repetitions) = after(Position::start(), "f3 e5 g4 Qh4#");
    assert_eq!(position.outcome(&repetitions), Some(Outcome::Checkmate { winner: Color::Black }));
    assert_eq!(position.legal_moves(), Vec::<String>::new());
}

#[test]
fn stalemate_is_a_draw() {
    assert_eq!(outcome_of("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1"), Some(Outcome::Stalemate));
}

#[test]
fn the_third_occurrence_may_be_claimed_and_the_fifth_ends_the_game() {
    for (dances, claim, outcome) in [
        (1, None, None),
        (2, Some(Claim::Threefold), None),
        (3, Some(Claim::Threefold), None),
        (4, Some(Claim::Threefold), Some(Outcome::FivefoldRepetition)),
    ] {
        let (position, repetitions) = after(Position::start(), &DANCE.repeat(dances));
        assert_eq!((repetitions.count(), position.claim(&repetitions)), (dances + 1, claim));
        assert_eq!(position.outcome(&repetitions), outcome);
    }
}

#[test]
fn a_claim_needs_the_present_position_not_an_earlier_one() {
    let (position, repetitions) = after(Position::start(), &format!("{}Nc3", DANCE.repeat(2)));
    assert_eq!(position.claim(&repetitions), None);
}

#[test]
fn an_irreversible_move_forgets_what_stood_before() {
    let (_, repetitions) = after(Position::start(), &format!("{}e4", DANCE.repeat(2)));
    assert_eq!((repetitions.count(), repetitions.keys().len()), (1, 1));
}

#[test]
fn a_phantom_en_passant_square_makes_no_other_position() {
    // After e4 no pawn can take in passing: the position with the square e3 is the one without it (article 9.2.3).
    let (position, repetitions) = after(Position::start(), &format!("e4 {}", "Nf6 Nf3 Ng8 Ng1 ".repeat(2)));
    assert_eq!(position.claim(&repetitions), Some(Claim::Threefold));
    // Here taking would open the rank between the king and the rook.
    let (position, repetitions) = after(given("8/8/8/8/k2p3R/8/4P3/6K1 w - - 0 1"), "e4 Ka3 Kg2 Ka4 Kg1");
    assert_eq!(repetitions.count(), 2, "{position}");
}

#[test]
fn a_real_en_passant_right_makes_another_position() {
    let (position, repetitions) =
        after(given("4k3/8/8/8/3p4/8/4P3/4K3 w - - 0 1"), "e4 Kd8 Kd1 Ke8 Ke1 Kd8 Kd1 Ke8 Ke1");
    assert!(repetitions.count() == 2 && position.claim(&repetitions).is_none(), "the first time dxe3 was possible");
}

#[test]
fn a_lost_castling_right_makes_another_position() {
    let rooks = given("r3k3/8/8/8/8/8/8/4K2R w Kq - 0 1");
    let (_, repetitions) = after(rooks, "Rg1 Rb8 Rh1 Ra8 Rg1 Rb8 Rh1 Ra8");
    assert_eq!(repetitions.count(), 2);
}

#[test]
fn fifty_moves_may_be_claimed_and_seventy_five_end_the_game() {
    for (clock, claim, outcome) in [
        (98, None, None),
        (99, Some(Claim::FiftyMoves), None),
        (148, Some(Claim::FiftyMoves), None),
        (149, Some(Claim::FiftyMoves), Some(Outcome::SeventyFiveMoves)),
    ] {
        let (position, repetitions) = after(given(&format!("4k3/8/8/8/8/8/8/R3K3 w - - {clock} 90")), "Ra2");
        assert_eq!(position.halfmove_clock(), clock + 1);
        assert_eq!((position.claim(&repetitions), position.outcome(&repetitions)), (claim, outcome));
    }
}

#[test]
fn mate_comes_before_seventy_five_moves() {
    let (position, repetitions) = after(given("6k1/5ppp/8/8/8/8/8/R3K3 w - - 149 90"), "Ra8#");
    assert_eq!(position.outcome(&repetitions), Some(Outcome::Checkmate { winner: Color::White }));
}

#[test]
fn capture_and_pawn_move_start_the_clock_again() {
    for text in ["axb3", "a3", "Kxb2"] {
        let position = played(&given("4k3/8/8/8/8/1p6/Pn6/2K5 w - - 30 60"), text).position;
        assert_eq!(position.halfmove_clock(), 0, "{text}");
    }
}

#[test]
fn the_game_ends_when_nobody_can_mate() {
    for placement in
        ["8/8/4k3/8/8/4K3/8/8", "8/8/4k3/8/8/4K3/8/6N1", "8/8/4k3/8/8/4K3/8/6b1", "5b2/8/4k3/8/8/4K3/8/2B5"]
    {
        let fen = format!("{placement} w - - 0 1");
        assert_eq!(outcome_of(&fen), Some(Outcome::InsufficientMaterial), "{fen}");
    }
    for placement in
        ["2b5/8/4k3/8/8/4K3/8/2B5", "6n1/8/4k3/8/8/4K3/8/6N1", "8/8/4k3/8/8/4K3/8/1N4N1", "8/8/4k3/8/8/4K3/P7/8"]
    {
        let fen = format!("{placement} w - - 0 1");
        assert_eq!(outcome_of(&fen), None, "{fen}");
    }
}

#[test]
fn many_bishops_on_one_colour_mate_nobody() {
    assert!(given("5b1b/8/4k3/8/8/4K3/8/B1B1B3 w - - 0 1").insufficient_material());
    assert!(!given("5b1b/8/4k3/8/8/4K3/8/B1BB4 w - - 0 1").insufficient_material());
}

#[test]
fn on_time_loses_only_who_could_still_be_mated() {
    for (white, black, white_can, black_can) in [
        ("", "q", false, true),
        ("N", "", false, false),
        ("N", "q", false, true),
        ("N", "r", true, true),
        ("N", "p", true, true),
        ("N", "b", true, true),
        ("NN", "", true, false),
        ("B", "q", false, true),
        ("B", "r", false, true),
        ("B", "n", true, true),
        ("B", "p", true, true),
        ("BN", "", true, false),
        ("P", "q", true, true),
        ("R", "", true, false),
    ] {
        let row = |men: &str| if men.is_empty() { "8".to_owned() } else { format!("2{men}{}", 6 - men.len()) };
        let position = given(&format!("k7/8/{}/8/8/{}/8/K7 w - - 0 1", row(black), row(white)));
        assert_eq!(
            (position.can_mate(Color::White), position.can_mate(Color::Black)),
            (white_can, black_can),
            "K{white} against K{black}"
        );
    }
}

#[test]
fn the_key_of_a_position_never_changes() {
    let start = Position::start();
    assert_eq!(position_key(&start.fen()), position_key(&start.epd()));
    // SHA-256 of "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq -" begins with these bytes.
    assert_eq!(format!("{:016x}", position_key(&start.fen())), "05bd4852088c5cfd");
}

#[test]
fn the_keys_survive_as_json() {
    let (_, repetitions) = after(Position::start(), DANCE);
    let text = serde_json::to_string(&repetitions).expect("plain numbers");
    assert_eq!(serde_json::from_str::<Repetitions>(&text).expect("the same numbers"), repetitions);
    assert!(text.starts_with('['));
}
