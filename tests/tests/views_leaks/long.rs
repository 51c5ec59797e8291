//! As in the short run, with many more questions that nobody has asked before.

use proptest::test_runner::TestRunner;
use wechess_tests::alone;

use super::prove;

#[test]
fn what_is_hidden_changes_no_answer_to_new_questions() {
    alone(async || prove(60, &mut TestRunner::default()).await);
}
