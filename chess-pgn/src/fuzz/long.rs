//! The same for longer, and with texts as large as an import may be.

use super::*;

#[test]
fn many_more_texts_are_read_within_bounds() {
    run(20_000);
}

#[test]
fn the_heaviest_texts_of_any_size_are_read_within_bounds() {
    for bytes in [1 << 16, 1 << 18, 1 << 20, 8 << 20] {
        run_heavy(bytes);
    }
}

/// Some words again and again, up to a megabyte: comments, variations and tags without an end among them.
#[test]
fn large_texts_of_any_words_are_read_within_bounds() {
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    let texts = (words(), 1usize << 14..1 << 20);
    let result = TestRunner::new(config)
        .run(&texts, |(words, bytes)| keeps_its_bounds(&words.repeat(bytes / words.len().max(1) + 1)));
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
