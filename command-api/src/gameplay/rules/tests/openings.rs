//! The shipped opening names against the rules, and against the tags of the shipped games.

use super::super::Position;
use super::{pgn, played};
use event_schema::openings::{Opening, by_fen};
use std::collections::HashMap;

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/openings.tsv"));
const DIFFERENCES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../data/opening-differences.tsv"));

/// The moves of each row by its position.
fn lines() -> HashMap<&'static str, Vec<&'static str>> {
    let columns = LIST.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    columns.map(|columns| (columns[3], pgn::moves(columns[2]).collect())).collect()
}

#[test]
fn every_row_names_the_position_after_its_own_moves() {
    assert_eq!(LIST.lines().next(), Some("eco\tname\tpgn\tepd"));
    let lines = lines();
    assert_eq!(lines.len(), LIST.lines().count() - 1, "each position has one row");
    for (epd, moves) in lines {
        let mut position = Position::start();
        for san in moves {
            let step = played(&position, san);
            assert_eq!(step.san, san, "the list writes canonical SAN");
            position = step.position;
        }
        assert_eq!(position.epd(), epd);
    }
}

/// The named positions on a game's way, each with its number of half-moves and its EPD.
fn named(moves: &[&str]) -> Vec<(usize, String, &'static Opening)> {
    let mut position = Position::start();
    let mut named = Vec::new();
    for (before, san) in moves.iter().enumerate() {
        position = played(&position, san).position;
        if let Some(opening) = by_fen(&position.fen()) {
            named.push((before + 1, position.epd(), opening));
        }
    }
    named
}

/// The row that explains a game whose tags differ from the last named position; `None` if they agree.
fn difference(game: &pgn::Game<'_>, lines: &HashMap<&str, Vec<&str>>) -> Option<String> {
    let (site, eco, name) = (game.tag("Site"), game.tag("ECO"), game.tag("Opening"));
    let named = named(&game.moves);
    let Some((last, epd, found)) = named.last() else {
        return Some(format!(
            "{site}\t{eco}\t{name}\t\t\tthe game has no move, and so neither it nor its tag has a name"
        ));
    };
    if (found.eco, found.name) == (eco, name) {
        return None;
    }
    let earlier = named.iter().rev().find(|(.., opening)| (opening.eco, opening.name) == (eco, name));
    let (tagged, ..) = earlier.unwrap_or_else(|| panic!("{site}: no position on its way is named as its tag"));
    let how = if lines[epd.as_str()] == game.moves[..*last] {
        "by the moves of the list"
    } else {
        "by transposition, in another order of moves than the list's"
    };
    let (found_eco, found_name) = (found.eco, found.name);
    let why = format!(
        "the tag names the position after half-move {tagged}; the list also names the one after half-move {last}, \
         reached {how}"
    );
    Some(format!("{site}\t{eco}\t{name}\t{found_eco}\t{found_name}\t{why}"))
}

#[test]
fn every_game_whose_tag_differs_is_listed_and_explained() {
    let lines = lines();
    let games = pgn::games(pgn::SHIPPED);
    let rows: Vec<String> = games.iter().filter_map(|game| difference(game, &lines)).collect();
    let heading = "site\ttagEco\ttagOpening\tfoundEco\tfoundOpening\twhy";
    let expected = format!("{heading}\n{}\n", rows.join("\n"));
    assert!(expected == DIFFERENCES, "data/opening-differences.tsv should be\n{expected}");
}
