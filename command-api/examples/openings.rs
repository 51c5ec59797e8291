//! Writes the column `epd` of `data/openings.tsv` from its column `pgn`; see `data/README.md`.
//!
//! `cargo run -p command-api --example openings`

use command_api::gameplay::rules::Position;
use std::path::Path;
use std::{error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/openings.tsv");
    let mut list = String::from("eco\tname\tpgn\tepd\n");
    let mut rows = 0;
    for line in fs::read_to_string(&path)?.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(eco), Some(name), Some(pgn)) = (columns.next(), columns.next(), columns.next()) else {
            return Err(format!("the line `{line}` has fewer than 3 columns").into());
        };
        let epd = position_after(pgn).map_err(|reason| format!("`{pgn}`: {reason}"))?.epd();
        list.push_str(&format!("{eco}\t{name}\t{pgn}\t{epd}\n"));
        rows += 1;
    }
    // A half-written list must not stay.
    let new = path.with_extension("tsv.new");
    fs::write(&new, list)?;
    fs::rename(&new, &path)?;
    println!("{rows} openings in {}", path.display());
    Ok(())
}

/// Plays `1. e4 e5 2. Nf3` from the start.
fn position_after(pgn: &str) -> Result<Position, Box<dyn Error>> {
    let moves = pgn.split_whitespace().filter(|word| !word.ends_with('.'));
    let mut position = Position::start();
    for san in moves {
        position = position.play(san)?.position;
    }
    Ok(position)
}
