//! The same for longer.

#[test]
fn many_more_texts_are_read_within_bounds() {
    super::run(20_000);
}
