//! The same for longer.

#[test]
fn many_more_texts_are_taken_or_refused() {
    super::run(5_000);
}
