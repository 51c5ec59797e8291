//! Concurrent writers: each plays games and edits records with random players, sends things twice, and races others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::Reply;
use crate::finding::Finding;
use crate::hall::{Game, Hall, Player, key};
use crate::random::Random;

/// How many write at once.
pub const WRITERS: u64 = 12;
/// A writer thinks at most this long between two commands.
const THINKING: u64 = 120;
/// A game is left after so many half-moves.
const LONGEST_GAME: u64 = 70;

/// The players that writers share.
#[derive(Default)]
struct Crowd(Mutex<Vec<Player>>);

impl Crowd {
    fn add(&self, player: Player) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(player);
    }

    fn some(&self, random: &mut Random, but: &Player) -> Option<Player> {
        let players = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others: Vec<&Player> = players.iter().filter(|player| player.id != but.id).collect();
        (!others.is_empty()).then(|| others[random.below(others.len())].clone())
    }
}

/// Starts the writers. They end when the client is told to stop and what they began is answered.
pub fn start(hall: &Arc<Hall>, random: &Random) -> JoinSet<()> {
    let crowd = Arc::new(Crowd::default());
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let (hall, crowd, random) = (Arc::clone(hall), Arc::clone(&crowd), random.branch(1000 + number));
        let writer = Writer { hall, crowd, random, board: None, preference: None };
        writers.spawn(writer.run(number));
    }
    writers
}

struct Writer {
    hall: Arc<Hall>,
    crowd: Arc<Crowd>,
    random: Random,
    /// His board.
    board: Option<Uuid>,
    /// His preferences, and whether they have sound.
    preference: Option<(Uuid, bool)>,
}

impl Writer {
    async fn run(mut self, number: u64) {
        let name = format!("writer{number}");
        // Each third has an account; the others are guests.
        let made = if number.is_multiple_of(3) {
            self.hall.registered(&name, None).await
        } else {
            self.hall.guest(&name).await
        };
        let Some(own) = made else { return };
        self.crowd.add(own.clone());
        while !self.hall.client.is_stopping() {
            match self.random.below(12) {
                0 => self.filters(&own).await,
                1 => self.newcomer(&own).await,
                2 => self.records(&own).await,
                3 => self.invitation(&own).await,
                _ => self.game(&own).await,
            }
            self.think().await;
        }
    }

    async fn think(&mut self) {
        tokio::time::sleep(Duration::from_millis(self.random.between(0, THINKING))).await;
    }

    async fn filters(&mut self, own: &Player) {
        let Some(filter) = self.hall.save_filter(own).await else { return };
        if self.random.chance(500) {
            self.think().await;
            self.hall.delete_filter(own, filter).await;
        }
    }

    /// He keeps a board and preferences, and changes the same ones again and again.
    async fn records(&mut self, own: &Player) {
        for _ in 0..self.random.between(1, 4) {
            if let Some(board) = self.hall.save_board(own, self.board).await {
                self.board = Some(board);
            }
            self.think().await;
            let sound = self.preference.is_some_and(|(_, sound)| !sound);
            let known = self.preference.map(|(id, _)| id);
            if let Some(preference) = self.hall.save_preference(own, known, sound).await {
                self.preference = Some((preference, sound));
            }
            self.think().await;
        }
    }

    /// Somebody is invited to a private game, and plays it or does not want to.
    async fn invitation(&mut self, own: &Player) {
        let Some(other) = self.crowd.some(&mut self.random, own) else { return };
        let Some(invited) = self.hall.invite(own, &other).await else { return };
        self.think().await;
        let accepts = self.random.chance(700);
        if let Some(mut game) = self.hall.answer_invitation(invited, accepts).await {
            self.play(&mut game, 8).await;
        }
    }

    /// A guest plays a game, and then gives himself a name that the lists of games must show.
    async fn newcomer(&mut self, own: &Player) {
        let Some(guest) = self.hall.guest("newcomer").await else { return };
        let Some(mut game) = self.hall.create(&guest, Some(own)).await else { return };
        self.play(&mut game, 4).await;
        if !game.over
            && self.random.chance(500)
            && let Some(known) = self.hall.registered("known", Some(&guest)).await
        {
            game.white = known;
            self.play(&mut game, 4).await;
        }
    }

    async fn game(&mut self, own: &Player) {
        let Some(other) = self.crowd.some(&mut self.random, own) else { return };
        let open = self.random.chance(400);
        // A clock that no outage runs down.
        let clock = json!({"gameType": "timed", "timeControl": {"initialMs": 86_400_000, "incrementMs": 1000}});
        let more = if self.random.chance(300) { clock } else { json!({}) };
        let Some(mut game) = self.hall.create_as(own, (!open).then_some(&other), &more).await else { return };
        if open {
            let mut joining = vec![other.clone()];
            let third = self.crowd.some(&mut self.random, own).filter(|third| third.id != other.id);
            joining.extend(third.filter(|_| self.random.chance(500)));
            if !self.hall.join(&mut game, &joining).await {
                return;
            }
        }
        let length = self.random.between(2, LONGEST_GAME);
        self.play(&mut game, length).await;
        if !game.over && self.random.chance(700) {
            let white = self.random.chance(500);
            self.hall.resign(&mut game, white).await;
        }
    }

    async fn play(&mut self, game: &mut Game, length: u64) {
        for _ in 0..length {
            if game.over || self.hall.client.is_stopping() {
                return;
            }
            self.think().await;
            match self.random.below(40) {
                0 => self.twice(game).await,
                1 => self.race(game).await,
                2 => self.offer(game).await,
                3 => self.hall.read(game).await,
                4 => self.stand_still(game).await,
                _ => {
                    let Some(uci) = self.legal(game) else { return };
                    let reply = self.hall.send_move(game, &uci, &key()).await;
                    self.hall.moved(game, &uci, reply);
                }
            }
        }
    }

    fn legal(&mut self, game: &Game) -> Option<String> {
        let legal = game.position.legal();
        (!legal.is_empty()).then(|| legal[self.random.below(legal.len())].0.clone())
    }

    /// The same command twice at once: both must be answered alike.
    async fn twice(&mut self, game: &mut Game) {
        let Some(uci) = self.legal(game) else { return };
        let key = key();
        let (one, two) = tokio::join!(self.hall.send_move(game, &uci, &key), self.hall.send_move(game, &uci, &key));
        if let (Reply::Done(one), Reply::Done(two)) = (&one, &two)
            && (one.token != two.token || one.body["chessGameMove"] != two.body["chessGameMove"])
        {
            let what = format!("move {uci} in game {}, sent twice", game.id);
            self.hall.find(Finding::AnswerDiffers { what, detail: format!("{} and {}", one.body, two.body) });
        }
        let number = game.moves;
        if !self.hall.moved(game, &uci, one) {
            return;
        }
        if let Reply::Refused(answer) = two {
            let what = format!("move {} {uci} in game {}, sent twice", number + 1, game.id);
            self.hall.find(Finding::Refused { what, answer: answer.told() });
        }
    }

    /// Two different moves at once: one of them is played.
    async fn race(&mut self, game: &mut Game) {
        let (Some(one), Some(two)) = (self.legal(game), self.legal(game)) else { return };
        if one == two {
            return;
        }
        let (keys, number) = ([key(), key()], game.moves + 1);
        let (first, second) =
            tokio::join!(self.hall.send_move(game, &one, &keys[0]), self.hall.send_move(game, &two, &keys[1]));
        match (first, second) {
            (Reply::Done(_), Reply::Done(_)) => {
                let what = format!("move {number} of game {} was acknowledged as {one} and as {two}", game.id);
                self.hall.find(Finding::DoublyApplied { what });
                game.over = true;
            }
            (done @ Reply::Done(_), Reply::Refused(_)) => drop(self.hall.moved(game, &one, done)),
            (Reply::Refused(_), done @ Reply::Done(_)) => drop(self.hall.moved(game, &two, done)),
            (first, second) => {
                // Both refused is a finding; an open outcome is noted for each.
                for reply in [first, second].into_iter().filter(|reply| !matches!(reply, Reply::Done(_))) {
                    self.hall.moved(game, &one, reply);
                }
                game.over = true;
            }
        }
    }

    /// Both save the game, and both resume it.
    async fn stand_still(&mut self, game: &mut Game) {
        let white = self.random.chance(500);
        for (white, save, kind) in [
            (white, true, "SaveRequested"),
            (!white, true, "GamePaused"),
            (white, false, "ResumeRequested"),
            (!white, false, "GameResumed"),
        ] {
            if !self.hall.wish(game, white, save, kind).await {
                return;
            }
            self.think().await;
        }
    }

    /// An offer, which the other side accepts, or declines by playing on.
    async fn offer(&mut self, game: &mut Game) {
        let to_move = if game.position.white_moves() { Some(game.white.clone()) } else { game.black.clone() };
        let other = if game.position.white_moves() { game.black.clone() } else { Some(game.white.clone()) };
        let (Some(to_move), Some(other)) = (to_move, other) else { return };
        if !self.hall.offer_draw(game, &other, &key()).await {
            return;
        }
        if self.random.chance(200) {
            self.hall.offer_draw(game, &to_move, &key()).await;
        } else if let Some(uci) = self.legal(game) {
            let reply = self.hall.send_move(game, &uci, &key()).await;
            self.hall.moved(game, &uci, reply);
        }
    }
}
