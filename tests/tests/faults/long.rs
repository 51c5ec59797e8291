//! The loss oracle (`cargo dev chaos`): it finds nothing after random faults, and for each guard that is taken out it finds
//! the loss that the guard prevents.

use std::process::Command;

use wechess_tests::servers::stack;

/// Runs the oracle on servers of its own; its exit code and what it says.
fn chaos(word: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let own = stack().folder.file_name().and_then(|name| name.to_str()).unwrap_or("test").to_owned();
    let binaries = std::env::var("WECHESS_BIN_DIR").expect("run `cargo dev test`");
    let mut oracle = Command::new(format!("{binaries}/chaos"));
    oracle.args(["--bin-dir", &binaries, "--name", &format!("{own}-{word}")]);
    oracle.args(["--elasticsearch", &stack().elasticsearch_version]).args(arguments);
    let out = oracle.output().expect("the program `chaos` can be run");
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code(), said)
}

/// The schedule finds nothing while the guard is in place, and the loss when it is not.
fn guard(name: &str, finding: &str) {
    let (code, said) = chaos(name, &["--schedule", name]);
    assert_eq!(code, Some(0), "with {name} in place:\n{said}");
    let (code, said) = chaos(name, &["--without", name]);
    assert_eq!(code, Some(1), "without {name}:\n{said}");
    assert!(said.contains(&format!("must find {finding}: found")), "{said}");
}

#[test]
fn without_the_tail_lock_positions_have_a_hole() {
    guard("tail-lock", "Hole");
}

#[test]
fn without_command_ids_a_retry_is_applied_twice() {
    guard("command-id", "DoublyApplied");
}

#[test]
fn without_external_versions_a_late_write_undoes_a_newer_one() {
    guard("external-version", "ViewDiffers");
}

#[test]
fn without_expected_sequences_two_relays_double_events() {
    guard("expected-sequence", "StreamDiffers");
}

#[test]
fn without_refilling_an_event_is_in_no_view() {
    guard("refill", "DocumentMissing");
}

#[test]
fn two_minutes_of_random_faults_lose_nothing() {
    let (code, said) = chaos("storm", &["--minutes", "2"]);
    println!("{said}");
    assert_eq!(code, Some(0), "{said}");
}
