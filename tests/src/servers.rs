//! The three servers that `cargo dev test` started for this run, and who may log in to them.

use std::sync::LazyLock;

use stack::status::TestStack;

/// The variable that names the file with all of this.
pub const VARIABLE: &str = "WECHESS_TEST_STACK";

static STACK: LazyLock<TestStack> = LazyLock::new(|| {
    let path = std::env::var(VARIABLE)
        .unwrap_or_else(|_| panic!("{VARIABLE} is not set: these tests need real servers, run `cargo dev test`"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{VARIABLE}={path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{VARIABLE}={path} is not what is expected: {error}"))
});

/// The servers.
pub fn stack() -> &'static TestStack {
    &STACK
}
