//! As in the short run, with ten times as many questions that nobody has asked before.

use proptest::test_runner::TestRunner;
use wechess_tests::alone;

use super::prove;

#[test]
fn new_questions_are_answered_as_the_documents_say() {
    alone(async || prove(2_000, &mut TestRunner::default()).await);
}
