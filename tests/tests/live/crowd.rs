//! Live reads among many who write and read at once.

/// The views fall behind, refreshes and writes go on beside each other, and live reads begin in the midst of it.
mod long {
    use std::collections::BTreeMap;

    use futures_util::future::join_all;
    use serde_json::{Value, json};
    use wechess_tests::events::Events;
    use wechess_tests::{Actor, App, story};

    use super::super::{LIST_VIEW, path};

    /// Pairs of players.
    const PAIRS: usize = 6;
    /// Games of each, one after another.
    const GAMES: usize = 12;

    async fn listed(who: &Actor, filter: &Value) -> BTreeMap<String, Value> {
        let list = who.find(LIST_VIEW, filter).await;
        list.into_iter().map(|item| (item["id"].as_str().expect("an id").to_owned(), item)).collect()
    }

    /// A pair's games; White opens a live read before every third and looks at the list in the middle of each.
    async fn pair(white: &Actor, black: &Actor) -> Vec<Events> {
        let own = json!({"playerWhiteId": white.id});
        let mut all = Vec::new();
        for number in 0..GAMES {
            if number % 3 == 0 {
                all.push(white.live(&path(LIST_VIEW, &own, "&limit=100")).await);
            }
            let game = white.create_game(black).await;
            game.play("e4 e5 Nf3").await;
            assert_eq!(listed(white, &own).await[&game.id]["plies"], 3);
            if number % 2 == 0 {
                black.update_game(&game.id, json!({"result": "whiteWin"})).await.is(200);
            }
        }
        all
    }

    #[test]
    fn among_a_crowd_each_live_read_ends_with_its_list() {
        story(async |app: App| {
            let names: Vec<String> = (0..PAIRS * 2).map(|number| format!("player{number}")).collect();
            let players = join_all(names.iter().map(|name| app.user(name))).await;
            let pairs: Vec<(&Actor, &Actor)> = players.chunks(2).map(|pair| (&pair[0], &pair[1])).collect();
            let reads = join_all(pairs.iter().map(|(white, black)| pair(white, black))).await;
            for ((white, _), lives) in pairs.iter().zip(reads) {
                let list = listed(white, &json!({"playerWhiteId": white.id})).await;
                assert_eq!((list.len(), lives.len()), (GAMES, GAMES / 3));
                for mut live in lives {
                    live.expect("snapshot").await;
                    live.until(|shown| *shown == list).await;
                }
            }
        });
    }
}
