//! The harness of the stories: real servers (made once by `cargo dev test`), the three services in this process on
//! free ports, and actors who talk to them over HTTP. Stories share one system and are isolated by fresh users; a story
//! that counts the whole or breaks something takes a system of its own ([`System::with_namespace`]).

pub mod actor;
pub mod answer;
pub mod browser;
pub mod chess;
pub mod command;
pub mod direct;
pub mod events;
pub mod oracle;
pub mod proxy;
pub mod python;
pub mod refusing;
pub mod searches;
pub mod servers;
pub mod system;
pub mod views;
pub mod whole;

use std::io::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

pub use actor::Actor;
pub use answer::Answer;
pub use proxy::Proxy;
pub use system::{App, System};

/// One runtime for everything: connections outlive the story that opened them.
static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made")
});

/// The system that stories share.
static SHARED: tokio::sync::OnceCell<System> = tokio::sync::OnceCell::const_new();

/// Runs one story on the shared system. After it, nothing may be parked in any view.
pub fn story(tell: impl AsyncFnOnce(App)) {
    alone(async || {
        let app = SHARED.get_or_init(|| System::start(&[])).await.app.clone();
        tell(app.clone()).await;
        app.nothing_is_parked().await;
    });
}

/// Runs a story that brings its own system, or needs none.
pub fn alone(tell: impl AsyncFnOnce()) {
    RUNTIME.block_on(tell());
}

/// Says a figure also when the test is green: the program of tests keeps what is printed to itself.
pub fn say(figure: &str) {
    // Who cannot be told is not told.
    drop(writeln!(std::io::stderr(), "  {figure}"));
}

/// Waits until a condition of somebody else's holds; fails with `what` when it does not within 90 s.
/// Generous: a busy machine is no fault of the product.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "waited 90 s in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
