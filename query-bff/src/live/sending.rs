//! The events of a reader on their way: one task asks and hands over, the answer takes when it can. A reader who takes
//! nothing any more and yet does not go away is told that he is too slow, and his seat is free.

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::reader::Reader;

/// A reader that takes nothing for so long is cut.
const PATIENCE: Duration = Duration::from_secs(60);
/// One part waits to be taken; there is always room for the last word.
const ROOM: usize = 2;

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handed {
    /// It waits, or was taken.
    Over,
    /// Nobody is there to take it.
    Gone,
    /// The one before was not taken in time.
    Late,
}

/// Begins to send; the events come out of the stream. Must be called on a thread of the server.
pub fn start(reader: Reader, first: Bytes) -> impl Stream<Item = Bytes> {
    let (sender, mut parts) = mpsc::channel(ROOM);
    actix_web::rt::spawn(send_all(reader, first, sender));
    futures_util::stream::poll_fn(move |context| parts.poll_recv(context))
}

async fn send_all(mut reader: Reader, first: Bytes, parts: mpsc::Sender<Bytes>) {
    let (mut part, mut ended) = (first, false);
    loop {
        match hand_over(&parts, part, PATIENCE).await {
            Handed::Over if ended => return,
            Handed::Over => {}
            Handed::Gone => return,
            Handed::Late => {
                // There is room for it, whenever he reads on.
                drop(parts.try_send(reader.too_slow()));
                return;
            }
        }
        (part, ended) = tokio::select! {
            next = reader.next() => next,
            () = parts.closed() => return,
        };
    }
}

/// Hands a part over once the one before was taken.
async fn hand_over(parts: &mpsc::Sender<Bytes>, part: Bytes, patience: Duration) -> Handed {
    match tokio::time::timeout(patience, parts.reserve_many(ROOM)).await {
        Ok(Ok(mut places)) => {
            if let Some(place) = places.next() {
                place.send(part);
            }
            Handed::Over
        }
        Ok(Err(_)) => Handed::Gone,
        Err(_) => Handed::Late,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_cut_with_a_last_word_and_who_reads_is_not() {
        let (sender, mut parts) = mpsc::channel(ROOM);
        let hand = async |part: &'static str| hand_over(&sender, Bytes::from(part), Duration::from_millis(20)).await;
        for part in ["one", "two", "three"] {
            assert_eq!(hand(part).await, Handed::Over);
            assert_eq!(parts.recv().await.unwrap(), part);
        }
        assert_eq!((hand("four").await, hand("five").await), (Handed::Over, Handed::Late));
        sender.try_send(Bytes::from("end")).unwrap();
        assert_eq!(
            (parts.recv().await.unwrap(), parts.recv().await.unwrap()),
            (Bytes::from("four"), Bytes::from("end"))
        );
        drop(parts);
        assert_eq!(hand("six").await, Handed::Gone);
    }

    #[tokio::test]
    async fn who_reads_late_but_in_time_misses_nothing() {
        let (sender, mut parts) = mpsc::channel(ROOM);
        let patience = Duration::from_secs(60);
        assert_eq!(hand_over(&sender, Bytes::from("one"), patience).await, Handed::Over);
        let (handed, taken) = tokio::join!(hand_over(&sender, Bytes::from("two"), patience), parts.recv());
        assert_eq!((handed, taken.unwrap()), (Handed::Over, Bytes::from("one")));
        assert_eq!(parts.recv().await.unwrap(), "two");
    }
}
