use super::*;

/// The games that this repository ships.
pub(crate) const SHIPPED: &str = include_str!("../../data/lichess-2025-05-games.pgn");

fn one(text: &str) -> Game {
    let mut all = games(text);
    let game = all.next().unwrap();
    assert_eq!(all.next(), None, "{text}");
    game
}

fn sans(game: &Game) -> Vec<&str> {
    game.moves.iter().map(|mv| mv.san.as_str()).collect()
}

fn told(game: &Game) -> Vec<String> {
    game.faults.iter().map(|fault| format!("{}/{:?} {}", fault.line, fault.ply, fault.told)).collect()
}

#[test]
fn everything_that_is_no_move_is_passed_over() {
    let text = "\u{feff}% escaped\n[White \"A \\\"x\\\" \\\\\"]\n[Black  \"Müller\"]\n[Result \"1/2-1/2\"]\n\n\
        {first} 1. e4! $1 ( 1. d4 d5 ( 1... Nf6 {deep )} -- ) 1-0 ) 1... e5?! ; to the end 2. h4\n\
        2.Nf3 +/- Nc6 3.0-0 exd6 e.p. 4. e8=Q+ O-O-O# 1/2-1/2";
    let game = one(text);
    assert_eq!(sans(&game), ["e4", "e5", "Nf3", "Nc6", "O-O", "exd6", "e8=Q+", "O-O-O#"]);
    assert_eq!((game.tag("White"), game.tag("Black")), (Some("A \"x\" \\"), Some("Müller")));
    assert_eq!((game.score(), game.line, game.moves[2].line), (Score::Draw, 2, 7));
    assert!(game.faults.is_empty(), "{:?}", game.faults);
}

#[test]
fn a_clock_is_that_of_the_move_before_it() {
    let text = "{[%clk 9:00:00]} 1. e4 {[%eval 0.2] [%clk 0:03:00]} e5 { [%clk 0:02:58.7] good } \
        (1... c5 {[%clk 0:00:01]}) {[%csl Ge4]} 2. Nf3 {[%clk ?]} 2... Nc6 {no clock} *";
    let clocks: Vec<Option<String>> = one(text).moves.into_iter().map(|mv| mv.clock).collect();
    let read: Vec<Option<Option<i64>>> = clocks.iter().map(|clock| clock.as_deref().map(clock_ms)).collect();
    assert_eq!(read, [Some(Some(180_000)), Some(Some(178_700)), Some(None), None]);
}

#[test]
fn clocks_are_hours_minutes_and_seconds() {
    let read = ["0:05:01", "1:00:00", "00:00:00.25", "0:00:09.12345", "99:59:59.999"].map(clock_ms);
    assert_eq!(read, [Some(301_000), Some(3_600_000), Some(250), Some(9_123), Some(359_999_999)]);
    for text in ["", "5:01", "0:60:00", "0:00:60", "100:00:00", "0:00:01.", "-1:00:00", "0:0:0:0", "0:+1:00", "0:00:1a"]
    {
        assert_eq!(clock_ms(text), None, "{text}");
    }
}

#[test]
fn games_follow_each_other_with_and_without_an_end() {
    let text = "[White \"a\"]\r\n1. e4\r\n[White \"b\"] *\r\n\u{feff}[White \"?\"]\r\n1-0 1. d4 0-1";
    let read: Vec<_> =
        games(text).map(|game| (game.tag("White").map(str::to_owned), game.moves.len(), game.marker)).collect();
    let name = |name: &str| Some(name.to_owned());
    let expected = [
        (name("a"), 1, None),
        (name("b"), 0, Some(Score::Open)),
        (None, 0, Some(Score::White)),
        (None, 1, Some(Score::Black)),
    ];
    assert_eq!(read, expected);
    assert_eq!(games(" \n{nothing}\n").count(), 0);
    let without_moves = "[Event \"a\"]\n[Site \"x\"]\n\n[Event \"b\"]\n\n1. e4 *";
    let tags: Vec<_> = games(without_moves).map(|game| (game.tags.len(), game.moves.len())).collect();
    assert_eq!(tags, [(2, 0), (1, 1)]);
}

#[test]
fn faults_name_their_line_and_half_move() {
    for (text, expected) in [
        ("\n1. e4 {no end", "2/Some(2) the comment `{` has no end"),
        ("[White Ann]\n1. e4 *", "1/None a tag must read"),
        ("[White \"Ann\n1. e4 *", "1/None a tag must read"),
        ("1. e4 ( 1. d4", "1/Some(2) a variation `(` has no end"),
        ("1. e4 ) e5", "1/Some(2) `)` cannot stand"),
        ("1. e4 é", "1/Some(2) `é` cannot stand"),
        ("1. e4 [x] e5", "1/Some(2) `[` cannot stand"),
        ("1. e4 e5\n[%clk 0:01:00] 2. d4", "2/Some(3) `[` cannot stand"),
        ("1. --", "1/Some(1) `--` is a null move"),
        ("1. e4 0000", "1/Some(2) `0000` is a null move"),
        ("1. x", "1/Some(1) `x` is no move"),
    ] {
        let game = games(text).next().unwrap();
        assert!(told(&game)[0].starts_with(expected), "{:?}", game.faults);
    }
}

#[test]
fn no_part_of_a_game_with_a_fault_passes_for_another_one() {
    let text = "[Event \"1\"]\nWhite \"x\"]\n[Black \"y\"]\n\n1. e4 *\n\n[Event \"2\"]\n[White Ann]\n[Black]\n\n1. e4 *\n\n\
        [Event \"3\"]\n\n1. e4 (1. d4 e5 *\n\n[Event \"4\"]\n\n1. e4 {open\n[Site \"s\"]\n[Event \"5\"]\n\n1. d4 *";
    let read: Vec<_> = games(text).map(|game| (game.tag("Event").map(str::to_owned), game.faults.len())).collect();
    let event = |name: &str, faults| (Some(name.to_owned()), faults);
    assert_eq!(read, [event("1", 1), event("2", 2), event("3", 1), event("4", 1), event("5", 0)]);
}

#[test]
fn what_is_larger_than_any_game_is_a_fault() {
    for (text, expected) in [
        ("[A \"b\"]\n".repeat(MOST_TAGS + 1), "more than 200 tags"),
        ("e4 ".repeat(MOST_MOVES + 1), "more than 12000 moves"),
        (format!("[A \"{}\"]\n*", "x".repeat(LONGEST_VALUE + 1)), "the value of the tag `A` is longer"),
        (format!("1. e4 {{{}}} *", "x".repeat(LONGEST_COMMENT)), "the comment `{` has no `}` within"),
    ] {
        let game = games(&text).next().unwrap();
        assert!(game.faults[0].told.starts_with(expected), "{:?}", game.faults);
    }
    assert_eq!(one(&"[A b]\n".repeat(1000)).faults.len(), MOST_FAULTS);
    assert_eq!(one(&"(".repeat(100_000)).faults.len(), 1);
}

#[test]
fn the_shipped_games() {
    let games: Vec<Game> = games(SHIPPED).collect();
    let count = |score| games.iter().filter(|game| game.score() == score && game.marker == Some(score)).count();
    assert_eq!((games.len(), games.iter().filter(|game| game.faults.is_empty()).count()), (220, 220));
    assert_eq!((count(Score::White), count(Score::Black), count(Score::Draw)), (102, 106, 12));
    assert_eq!(games.iter().filter(|game| game.moves.is_empty()).count(), 2);
    let moves: Vec<&Move> = games.iter().flat_map(|game| &game.moves).collect();
    assert_eq!(moves.len(), 14_425);
    assert!(moves.iter().all(|mv| mv.clock.as_deref().and_then(clock_ms).is_some()));
    assert!(games.iter().all(|game| game.tag("Site").is_some() && game.tag("White").is_some()));
}
