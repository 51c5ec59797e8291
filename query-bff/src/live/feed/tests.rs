use event_schema::wire::Watermark;
use serde_json::json;

use super::*;

const LOG: Uuid = Uuid::from_u128(1);
const KEPT: usize = 8 << 20;

fn part(from: i64, to: i64, number: u32, last: bool, positions: &[i64]) -> Changes<Source> {
    let new = json!({"_live": true}).as_object().unwrap().clone();
    let change = |position: &i64| Change { id: Uuid::nil(), position: *position, old: None, new: new.clone() };
    let changes = positions.iter().map(change).collect();
    Changes { log_id: LOG, generation: 1, from, to, part: number, last, changes }
}

fn whole(from: i64, to: i64) -> Changes<Source> {
    part(from, to, 0, true, &[to])
}

fn mark(position: i64) -> Watermark {
    Watermark { log_id: LOG, generation: 1, edition: Uuid::nil(), applied: position, searchable: position }
}

/// The news as words: `5-7 [6, 7]` or `gap`.
fn told(kept: &Kept) -> Vec<String> {
    let word = |news: &News| match news {
        News::Gap => "gap".to_owned(),
        News::Batch(batch) => {
            let positions: Vec<_> = batch.changes.iter().map(|change| change.position).collect();
            format!("{}-{} {positions:?}", batch.from, batch.to)
        }
    };
    kept.news.iter().map(|(news, _)| word(news)).collect()
}

fn hear(parts: Vec<Changes<Source>>) -> Kept {
    let mut kept = Kept::new(KEPT, 0);
    parts.into_iter().for_each(|part| kept.hear(part, 100));
    kept
}

#[test]
fn messages_that_follow_each_other_have_no_gap() {
    let kept = hear(vec![part(5, 5, 0, true, &[]), whole(5, 7), part(7, 9, 0, true, &[]), whole(9, 10)]);
    assert_eq!(
        (told(&kept), kept.heard),
        (["5-5 []", "5-7 [7]", "7-9 []", "9-10 [10]"].map(str::to_owned).into(), Some(10))
    );
}

#[test]
fn a_lost_message_is_a_gap_and_one_that_comes_twice_is_nothing() {
    let kept = hear(vec![whole(5, 7), whole(8, 9), whole(8, 9), whole(5, 7)]);
    assert_eq!(told(&kept)[..3], ["5-7 [7]", "gap", "8-9 [9]"].map(str::to_owned));
    assert_eq!(kept.heard, Some(9));
}

#[test]
fn parts_are_told_together_or_not_at_all() {
    let kept = hear(vec![part(5, 9, 0, false, &[6]), part(5, 9, 1, false, &[7]), part(5, 9, 2, true, &[9])]);
    assert_eq!(told(&kept), ["5-9 [6, 7, 9]"]);
    let kept = hear(vec![whole(4, 5), part(5, 9, 0, false, &[6]), part(5, 9, 2, true, &[9]), whole(9, 10)]);
    assert_eq!(told(&kept), ["4-5 [5]", "gap", "9-10 [10]"]);
    let kept = hear(vec![part(5, 9, 1, true, &[9]), whole(9, 10)]);
    assert_eq!(told(&kept), ["9-10 [10]"]);
}

#[test]
fn another_generation_or_log_is_a_gap() {
    let mut kept = hear(vec![whole(5, 7)]);
    kept.hear(Changes { generation: 2, ..whole(7, 8) }, 100);
    assert_eq!(told(&kept), ["5-7 [7]", "gap", "7-8 [8]"]);
    kept.hear(Changes { log_id: Uuid::nil(), generation: 2, ..whole(8, 9) }, 100);
    assert_eq!(told(&kept)[3..], ["gap", "8-9 [9]"]);
}

#[test]
fn a_watermark_that_is_ahead_for_long_is_a_gap() {
    let mut kept = hear(vec![whole(5, 7)]);
    let begun = Instant::now();
    assert!(!kept.doubt(Some(&mark(7)), begun) && !kept.doubt(None, begun));
    assert!(!kept.doubt(Some(&mark(8)), begun));
    assert!(!kept.doubt(Some(&mark(9)), begun + DOUBT / 2));
    assert!(kept.doubt(Some(&mark(9)), begun + DOUBT));
    assert_eq!(told(&kept), ["5-7 [7]", "gap"]);
    assert!(!kept.doubt(Some(&mark(9)), begun + DOUBT * 5));
    // What comes then goes on from there.
    kept.hear(whole(9, 10), 100);
    assert_eq!(told(&kept)[2..], ["9-10 [10]"]);
    // A word in time ends the doubt.
    assert!(!kept.doubt(Some(&mark(11)), begun));
    kept.hear(whole(10, 11), 100);
    assert!(!kept.doubt(Some(&mark(12)), begun + DOUBT));
}

#[test]
fn documents_that_were_put_right_are_a_gap_at_any_position() {
    let mut kept = hear(vec![whole(5, 7)]);
    let (since, now) = (|position| LogPosition { log: LOG, position }, Instant::now());
    assert!(!kept.doubt(Some(&mark(7)), now) && kept.place(since(7), None) == Place::At(1));
    let right = Watermark { edition: Uuid::from_u128(2), ..mark(7) };
    assert!(kept.doubt(Some(&right), now) && !kept.doubt(Some(&right), now));
    assert_eq!((told(&kept), kept.heard), (vec!["5-7 [7]".to_owned(), "gap".to_owned()], Some(7)));
    assert_eq!(kept.place(since(7), Some(&Mark::of(&right))), Place::Lost, "he may have what it was before");
    kept.hear(whole(7, 9), 100);
    assert_eq!(kept.place(since(9), None), Place::At(3));
}

#[test]
fn who_comes_back_goes_on_where_everything_since_is_kept() {
    let kept = hear(vec![whole(5, 7), whole(7, 9), whole(9, 12)]);
    let since = |position| LogPosition { log: LOG, position };
    let now = |position| Mark::of(&mark(position));
    assert_eq!(kept.place(since(12), Some(&now(12))), Place::At(3));
    assert_eq!(kept.place(since(15), Some(&now(15))), Place::At(3), "his answer came before the message");
    assert_eq!(kept.place(since(10), Some(&now(12))), Place::At(2));
    assert_eq!(kept.place(since(9), None), Place::At(2));
    assert_eq!(kept.place(since(5), Some(&now(12))), Place::At(0));
    assert_eq!(kept.place(since(4), Some(&now(12))), Place::Lost);
    let another = Mark::of(&Watermark { generation: 2, ..mark(12) });
    assert_eq!(kept.place(since(9), Some(&another)), Place::Lost, "another generation serves");
    assert_eq!(kept.place(LogPosition { log: Uuid::nil(), position: 9 }, None), Place::Lost);
    assert_eq!(Kept::new(KEPT, 0).place(since(0), None), Place::Lost);
    let kept = hear(vec![whole(5, 7), whole(8, 9)]);
    assert_eq!((kept.place(since(8), None), kept.place(since(6), None)), (Place::At(2), Place::Lost));
}

#[test]
fn nobody_goes_on_beyond_what_is_known() {
    let kept = hear(vec![whole(5, 7)]);
    let place = |position, mark: Option<i64>| {
        let mark = mark.map(|position| Mark::of(&self::mark(position)));
        kept.place(LogPosition { log: LOG, position }, mark.as_ref())
    };
    assert_eq!((place(7, Some(6)), place(7, None)), (Place::At(1), Place::At(1)));
    assert_eq!((place(8, Some(8)), place(8, Some(7)), place(8, None)), (Place::At(1), Place::Lost, Place::Lost));
    assert_eq!(place(i64::MAX, Some(8)), Place::Lost);
}

#[test]
fn what_is_kept_is_bounded_and_who_is_too_slow_learns_it() {
    let view = crate::view::by_name("chessGame").unwrap();
    let feed = Feed::new(view, KEPT);
    for position in 0..100 {
        let mut kept = feed.lock();
        kept.hear(whole(position, position + 1), KEPT / 10);
        feed.tell(&kept);
    }
    assert_eq!(*feed.changes().borrow(), 100);
    assert!(feed.lock().news.len() < 10 && feed.lock().bytes <= KEPT);
    assert!(matches!(feed.get(0), Err(Place::Lost)) && matches!(feed.get(100), Ok(None)));
    assert!(matches!(feed.get(99), Ok(Some(News::Batch(batch))) if batch.to == 100));
}

#[test]
fn a_change_that_is_larger_than_what_is_kept_makes_nobody_slow() {
    let feed = Feed::new(crate::view::by_name("chessGame").unwrap(), KEPT);
    feed.lock().hear(whole(5, 7), 3 * KEPT);
    assert!(matches!(feed.get(0), Ok(Some(News::Batch(_)))));
    // The gap before it is news as well: the list is taken anew.
    feed.lock().hear(whole(8, 9), 3 * KEPT);
    assert!(matches!((feed.get(1), feed.get(2)), (Ok(Some(News::Gap)), Ok(Some(News::Batch(_))))));
    assert!(matches!(feed.get(0), Err(Place::Lost)));
}
