//! How an imported game ended: what the board says, what the result says, and what the tag `Termination` says of why.

use chess_pgn::{Game, Score};
use event_schema::gameplay::game_event::{EndReason, GameResult};

use super::check::Line;
use super::report::Fault;
use crate::gameplay::play::end_of;
use crate::gameplay::rules::Claim;

/// The result that the text tells: its tag's and that behind the moves, which must be the same.
pub fn told(game: &Game, faults: &mut Vec<Fault>) -> Option<Score> {
    let tag = game.raw_tag("Result").filter(|tag| !["", "?"].contains(&tag.value.trim()));
    let Some(tag) = tag else { return game.marker };
    let score = Score::parse(tag.value.trim());
    match (score, game.marker) {
        (None, _) => {
            let told = format!("`{}` is no result: `1-0`, `0-1`, `1/2-1/2` or `*` is expected", tag.value);
            faults.push(Fault::of_tag(tag.line, "Result", told));
        }
        (Some(score), Some(marker)) if score != marker => {
            let told = format!("`Result` is `{}` and the moves end with `{}`", score.as_str(), marker.as_str());
            faults.push(Fault::of_tag(tag.line, "Result", told));
        }
        (Some(_), _) => {}
    }
    score
}

/// How it ended and why, as far as anybody can tell; or what contradicts what.
pub fn of(game: &Game, told: Option<Score>, line: &Line) -> Result<(GameResult, Option<EndReason>), String> {
    let board = line.last.outcome(&line.repetitions).map(end_of);
    let score = told.unwrap_or(Score::Open);
    match (score, board) {
        (Score::Open, Some((result, reason))) => return Ok((result, Some(reason))),
        (_, Some((result, reason))) if result == result_of(score) => return Ok((result, Some(reason))),
        (_, Some((_, reason @ (EndReason::Checkmate | EndReason::Stalemate)))) => {
            return Err(format!("the moves end in {} and the result is `{}`", reason.as_str(), score.as_str()));
        }
        // The rules of other times and places have let games go on that ours end as draws.
        (_, Some(_) | None) => {}
    }
    if score != Score::Open && game.marker.is_none() {
        let score = score.as_str();
        return Err(format!("`{score}` is expected behind the moves, and nothing stands there: the text may be cut"));
    }
    let termination = game.tag("Termination").map(str::to_ascii_lowercase);
    let reason = termination.and_then(|words| reason(score, &words, line.last.claim(&line.repetitions)));
    Ok((result_of(score), reason))
}

fn result_of(score: Score) -> GameResult {
    match score {
        Score::White => GameResult::WhiteWin,
        Score::Black => GameResult::BlackWin,
        Score::Draw => GameResult::Draw,
        Score::Open => GameResult::Aborted,
    }
}

/// What `Termination` says in the words of the PGN standard, Lichess or Chess.com; none when it says nothing of ours.
fn reason(score: Score, words: &str, claim: Option<Claim>) -> Option<EndReason> {
    let says = |part: &str| words.contains(part);
    let table: &[(bool, EndReason)] = match score {
        Score::White | Score::Black => {
            &[(says("time"), EndReason::Timeout), (says("resign") || words == "normal", EndReason::Resignation)]
        }
        Score::Draw => &[
            (says("time"), EndReason::TimeoutAgainstBareMaterial),
            (says("repetition"), EndReason::ThreefoldRepetition),
            (says("50") || says("fifty"), EndReason::FiftyMoves),
            (says("insufficient"), EndReason::InsufficientMaterial),
            (words == "normal" && claim == Some(Claim::Threefold), EndReason::ThreefoldRepetition),
            (words == "normal" && claim == Some(Claim::FiftyMoves), EndReason::FiftyMoves),
            (says("agree") || words == "normal", EndReason::Agreement),
        ],
        Score::Open => &[(says("abandon"), EndReason::Abort)],
    };
    table.iter().find(|(said, _)| *said).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_several_writers_are_understood() {
        let won = |words: &str| reason(Score::White, words, None);
        let drawn = |words: &str| reason(Score::Draw, words, None);
        assert_eq!(["time forfeit", "ann won on time"].map(won), [Some(EndReason::Timeout); 2]);
        assert_eq!(["normal", "ann won by resignation"].map(won), [Some(EndReason::Resignation); 2]);
        assert_eq!(["abandoned", "adjudication", ""].map(won), [None; 3]);
        assert_eq!(
            drawn("game drawn by timeout vs insufficient material"),
            Some(EndReason::TimeoutAgainstBareMaterial)
        );
        assert_eq!(drawn("game drawn by repetition"), Some(EndReason::ThreefoldRepetition));
        assert_eq!(drawn("normal"), Some(EndReason::Agreement));
        assert_eq!(reason(Score::Draw, "normal", Some(Claim::FiftyMoves)), Some(EndReason::FiftyMoves));
        assert_eq!(reason(Score::Open, "abandoned", None), Some(EndReason::Abort));
        assert_eq!(reason(Score::Open, "unterminated", None), None);
    }
}
