//! What events make of a view, without a log and a running projector: for programs that fill indexes of their own.

use std::sync::Arc;

use bytes::Bytes;
use event_schema::envelope::Recorded;
use uuid::Uuid;

use crate::document::Doc;
use crate::fold::{fold, group};
use crate::keys::Item;
use crate::views::{View, selected};

/// Makes the documents of one view.
#[derive(Clone)]
pub struct Maker(View);

/// A document as an index of the view holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Its id.
    pub id: Uuid,
    /// Its external version: the position of its last event.
    pub version: i64,
    /// The whole document as JSON, hidden fields included.
    pub source: Bytes,
}

/// An event cannot be folded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event at position {position} cannot be folded: {told}")]
pub struct NotFolded {
    /// Where it stands.
    pub position: i64,
    /// What is wrong with it.
    pub told: String,
}

impl Maker {
    /// That of the view with this name, in any case; none when there is no such view.
    pub fn of(view: &str) -> Option<Self> {
        let all = selected(Some(&[view.to_owned()]));
        all.into_iter().find(|known| known.name().eq_ignore_ascii_case(view)).map(Self)
    }

    /// The documents that these events, in the order of their positions, make where there were none. Facts of other
    /// objects (names of players with accounts) are null: they come from the indexes of other views.
    pub fn documents(&self, events: Vec<Recorded>) -> Result<Vec<Made>, NotFolded> {
        let item = |event| Arc::new(Item { event, bytes: 0, fault: None });
        let items: Vec<Arc<Item>> = events.into_iter().map(item).collect();
        let mut made = Vec::new();
        for group in group(&self.0, &items) {
            let folded = fold(&self.0, group.id, &Doc::ABSENT, &group.items);
            if let Some(poison) = folded.poison {
                return Err(NotFolded { position: poison.position, told: poison.error });
            }
            if folded.changed {
                made.push(Made { id: group.id, version: folded.doc.version, source: folded.doc.to_source() });
            }
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{created, ended, game, played, undecodable};
    use event_schema::views::player_game::Colour;
    use serde_json::Value;

    const FEN: &str = "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2";

    fn made(view: &str, events: Vec<Recorded>) -> Vec<Made> {
        Maker::of(view).unwrap().documents(events).unwrap()
    }

    #[test]
    fn a_history_becomes_the_documents_of_each_view_at_its_last_position() {
        let events = || vec![created(1), played(2, 1, "e4", FEN), played(3, 2, "c5", FEN), ended(5)];
        let game_s = made("chessgamelistview", events());
        assert_eq!((game_s.len(), game_s[0].id, game_s[0].version), (1, game(), 5));
        let source: Value = serde_json::from_slice(&game_s[0].source).unwrap();
        assert_eq!((&source["_position"], &source["_live"], &source["plies"]), (&5.into(), &true.into(), &2.into()));
        let sides: Vec<Uuid> = made("playerGameView", events()).iter().map(|made| made.id).collect();
        assert_eq!(sides, Colour::BOTH.map(|colour| colour.document_of(game())));
        assert!(made("savedFilter", events()).is_empty());
    }

    #[test]
    fn what_cannot_be_made_is_told() {
        assert!(Maker::of("nothing").is_none());
        let broken =
            Maker::of("chessGameListView").unwrap().documents(vec![created(1), undecodable(&played(2, 1, "e4", FEN))]);
        assert_eq!(broken.unwrap_err().position, 2);
    }
}
