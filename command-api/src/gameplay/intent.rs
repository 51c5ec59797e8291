//! What the fields of updateGame mean together: one intent of a participant or an admin (contract README, row 13). A
//! value that the game has already is no wish.

use event_schema::gameplay::chess_game::ChessGame;
use event_schema::gameplay::game_event::{GameResult, GameStatus, ReportStatus, SaveStatus};
use event_schema::ids::UserId;

use super::game::{color_of, player_of};
use super::player::Player;
use super::rules::Color;
use super::saving::{Wish, standing};
use super::update::UpdateGame;
use crate::es::aggregate::{Context, Rejection};

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intent {
    /// The second player enters.
    Join(Player),
    /// Resign, offer or claim a draw, abort.
    End(GameResult),
    /// Accept (true) or decline the other's offer of a draw.
    AnswerDraw(bool),
    /// Save or resume.
    Save(Wish),
    /// Moderation.
    Report(ReportStatus),
    /// An admin ends the game.
    Terminate(UserId),
}

type Read = Result<Option<Intent>, Rejection>;

/// The one intent of a request; none when all that it says is so already.
pub fn of(update: &UpdateGame, game: &ChessGame, cx: &Context) -> Read {
    let found = [
        joins(update, game),
        ends(update, game)?,
        changes_status(update, game, cx)?,
        names_terminator(update, game, cx)?,
        asks_to_save(update, game, cx)?,
        sets_save_status(update, game, cx),
        reports(update, game, cx)?,
        update.draw_answer.map(|answer| Intent::AnswerDraw(answer.is_yes())),
        update.save_answer.map(|answer| Intent::Save(Wish::Answer(answer.is_yes()))),
    ];
    let mut intents = found.into_iter().flatten();
    let first = intents.next();
    if let Some(other) = intents.find(|other| Some(*other) != first) {
        let told = format!("{} and {} are two requests: send one at a time", first.map_or("", name), name(other));
        return Err(Rejection::invalid("errMsg_OneRequestAtATime", told));
    }
    Ok(first)
}

fn name(intent: Intent) -> &'static str {
    match intent {
        Intent::Join(_) => "joining",
        Intent::End(_) => "`result`",
        Intent::AnswerDraw(_) => "`drawAnswer`",
        Intent::Save(_) => "saving or resuming",
        Intent::Report(_) => "`reportStatus`",
        Intent::Terminate(_) => "terminating",
    }
}

fn forbidden(told: impl Into<String>) -> Rejection {
    Rejection::forbidden("errMsg_forbidden", told)
}

fn joins(update: &UpdateGame, game: &ChessGame) -> Option<Intent> {
    update.black.filter(|black| Some(black.id) != game.player_black_id).map(Intent::Join)
}

/// A player's wish; `status`: `terminated` beside it is an admin's, whoever sends it ([`changes_status`]).
fn ends(update: &UpdateGame, game: &ChessGame) -> Read {
    let Some(result) = update.result.filter(|result| game.result != Some(*result)) else { return Ok(None) };
    let fits = match update.status {
        None | Some(GameStatus::Completed) => true,
        Some(GameStatus::Terminated) => result == GameResult::Aborted,
        Some(other @ (GameStatus::Pending | GameStatus::Active | GameStatus::Paused)) => other == game.status,
    };
    if !fits {
        let told = format!("`status` does not fit `result`: `{}`; send `completed` or leave it out", result.as_str());
        return Err(Rejection::invalid("errMsg_statusIsNotValid", told).at("/status"));
    }
    Ok(Some(Intent::End(result)).filter(|_| update.status != Some(GameStatus::Terminated)))
}

fn changes_status(update: &UpdateGame, game: &ChessGame, cx: &Context) -> Read {
    let Some(status) = update.status.filter(|status| *status != game.status) else { return Ok(None) };
    match status {
        GameStatus::Terminated => terminates(cx.actor.user_id(), cx),
        GameStatus::Pending | GameStatus::Active | GameStatus::Paused | GameStatus::Completed
            if update.result.is_some() =>
        {
            Ok(None) // What ends the game sets its status.
        }
        GameStatus::Active if game.status == GameStatus::Paused => Ok(Some(Intent::Save(Wish::Resume))),
        GameStatus::Active if update.black.is_some() => Ok(None), // Who joins makes it active.
        GameStatus::Paused if game.status == GameStatus::Active => Ok(Some(Intent::Save(Wish::Save))),
        GameStatus::Completed => {
            let told = "`status`: `completed` needs the `result`";
            Err(Rejection::invalid("errMsg_resultIsRequired", told).at("/result"))
        }
        GameStatus::Pending | GameStatus::Active | GameStatus::Paused => {
            let told = format!("`status` is `{}` and the server sets it", game.status.as_str());
            Err(Rejection::conflict("errMsg_NotPossible", told).at("/status"))
        }
    }
}

fn names_terminator(update: &UpdateGame, game: &ChessGame, cx: &Context) -> Read {
    match update.terminated_by_id {
        Some(named) if Some(named) != game.terminated_by_id => terminates(Some(named), cx),
        Some(_) | None => Ok(None),
    }
}

fn terminates(named: Option<UserId>, cx: &Context) -> Read {
    match cx.actor.user_id() {
        Some(admin) if cx.actor.is_admin() && named == Some(admin) => Ok(Some(Intent::Terminate(admin))),
        Some(_) | None => {
            Err(forbidden("only an admin terminates a game, in his own name; players resign or abort by `result`"))
        }
    }
}

/// Nobody sets the other side's flag (contract README, row 33).
fn asks_to_save(update: &UpdateGame, game: &ChessGame, cx: &Context) -> Read {
    let mut intent = None;
    for (wish, is, color, pointer) in [
        (update.save_request_white, game.save_request_white, Color::White, "/saveRequestWhite"),
        (update.save_request_black, game.save_request_black, Color::Black, "/saveRequestBlack"),
    ] {
        let Some(wish) = wish.filter(|wish| *wish != is) else { continue };
        let actor = cx.actor.user_id();
        if actor.is_none() || player_of(game, color) != actor {
            return Err(forbidden(format!("only {color} sets `{}`", &pointer[1..])).at(pointer));
        }
        intent = Some(Intent::Save(match (game.status == GameStatus::Paused, wish) {
            (false, true) => Wish::Save,
            (false, false) => Wish::WithdrawSave,
            (true, false) => Wish::Resume,
            (true, true) => Wish::WithdrawResume,
        }));
    }
    Ok(intent)
}

/// The same in the words of `saveStatus`. Taking back what the other asks is to decline it.
fn sets_save_status(update: &UpdateGame, game: &ChessGame, cx: &Context) -> Option<Intent> {
    let status = update.save_status.filter(|status| *status != game.save_status)?;
    let own = cx.actor.user_id().is_some_and(|actor| color_of(game, actor).is_some() && standing(game, actor).0);
    Some(Intent::Save(match status {
        SaveStatus::Requested | SaveStatus::Paused => Wish::Save,
        SaveStatus::NotSaveable if game.status == GameStatus::Paused => Wish::Resume,
        SaveStatus::NotSaveable if own => Wish::WithdrawSave,
        SaveStatus::NotSaveable => Wish::Answer(false),
    }))
}

fn reports(update: &UpdateGame, game: &ChessGame, cx: &Context) -> Read {
    let Some(status) = update.report_status.filter(|status| *status != game.report_status) else { return Ok(None) };
    if cx.actor.is_admin() {
        return Ok(Some(Intent::Report(status)));
    }
    match (status, game.report_status) {
        (ReportStatus::Reported, ReportStatus::UnderReview) => {
            let told = "an admin looks at the game already: no need to report it again";
            Err(Rejection::conflict("errMsg_UnderReview", told).at("/reportStatus"))
        }
        (ReportStatus::Reported, _) => Ok(Some(Intent::Report(status))),
        (ReportStatus::None | ReportStatus::UnderReview, _) => {
            let told = "players only send `reportStatus`: `reported`; the rest is for admins";
            Err(forbidden(told).at("/reportStatus"))
        }
    }
}
