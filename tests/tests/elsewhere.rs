//! Servers that run elsewhere: `cargo dev doctor` tells what they allow and refuse, `cargo dev up` runs on them and leaves
//! them alone.

use std::process::Command;

use stack::status::{Connections, Login};
use wechess_tests::servers::stack;
use wechess_tests::whole::{Whole, dev_on};
use wechess_tests::{alone, direct};

/// The variables that name the servers of these connections as some that run elsewhere.
fn elsewhere(of: &Connections) -> Vec<(String, String)> {
    let with = |url: &str, login: &Login| {
        let (scheme, place) = url.split_once("://").expect("a URL");
        format!("{scheme}://{}:{}@{place}", login.user, login.password)
    };
    let (urls, nats, search) = (&of.credentials.database_urls, &of.credentials.nats, &of.credentials.elasticsearch);
    let command_api = nats.command_api.as_ref().expect("command-api logs in to NATS");
    [
        ("OWNER_DATABASE", urls.owner.clone()),
        ("COMMAND_API_DATABASE", urls.command_api.clone()),
        ("PROJECTOR_DATABASE", urls.projector.clone()),
        ("COMMAND_API_NATS", with(&of.nats, command_api)),
        ("PROJECTOR_NATS", with(&of.nats, &nats.projector)),
        ("QUERY_BFF_NATS", with(&of.nats, &nats.query_bff)),
        ("PROJECTOR_ELASTICSEARCH", with(&of.elasticsearch, &search.projector)),
        ("QUERY_BFF_ELASTICSEARCH", with(&of.elasticsearch, &search.query_bff)),
    ]
    .map(|(name, url)| (format!("WECHESS_EXTERNAL_{name}_URL"), url))
    .to_vec()
}

/// The same with the value of one variable in the place of another's.
fn confused(servers: &[(String, String)], name: &str, with: &str) -> Vec<(String, String)> {
    let full = |name: &str| format!("WECHESS_EXTERNAL_{name}_URL");
    let value = servers.iter().find(|(known, _)| *known == full(with)).expect("a variable").1.clone();
    servers
        .iter()
        .map(|(known, old)| (known.clone(), if *known == full(name) { value.clone() } else { old.clone() }))
        .collect()
}

/// What a command says, and whether it ends well.
fn told(mut command: Command) -> (bool, String) {
    let out = command.output().expect("the program `dev` can be run");
    let text = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn one_error_tells_every_url_that_lacks() {
    let mut some = elsewhere(stack());
    some.retain(|(name, _)| name.contains("PROJECTOR"));
    let mut up = dev_on("up", &some);
    up.args(["--detach", "--name", "nowhere"]);
    let (done, said) = told(up);
    assert!(!done, "{said}");
    for lacking in
        ["OWNER_DATABASE", "COMMAND_API_DATABASE", "COMMAND_API_NATS", "QUERY_BFF_NATS", "QUERY_BFF_ELASTICSEARCH"]
    {
        assert!(said.contains(&format!("WECHESS_EXTERNAL_{lacking}_URL is missing")), "{lacking}: {said}");
    }
}

mod long {
    use super::*;

    #[test]
    fn up_runs_on_servers_that_run_elsewhere_and_doctor_judges_them() {
        alone(async || {
            let servers = elsewhere(stack());
            let whole = Whole::up_with("elsewhere", &servers);
            let status = whole.status();
            let mut running: Vec<&str> = status.pids.keys().map(String::as_str).collect();
            running.sort_unstable();
            assert!(status.ready);
            assert_eq!(running, ["commandApi", "projector", "queryBff"], "the servers are not ours");
            assert_eq!(status.connections.nats, stack().nats);
            assert!(!status.connections.credentials.elasticsearch.admin.user.contains("admin"), "nobody gave it to us");
            whole.admin().await;

            let (fine, said) = told(dev_on("doctor", &servers));
            assert!(fine, "{said}");
            assert!(!said.contains("MISSING") && !said.contains("not known"), "{said}");
            assert!(said.matches(": ok\n").count() > 40, "{said}");
            for (name, with, finding) in [
                ("QUERY_BFF_ELASTICSEARCH", "PROJECTOR_ELASTICSEARCH", "query-bff may not write documents: MISSING"),
                ("QUERY_BFF_NATS", "PROJECTOR_NATS", "query-bff may not subscribe to wechess.events.>: MISSING"),
                (
                    "COMMAND_API_DATABASE",
                    "OWNER_DATABASE",
                    "may not write events, log or state rows by itself: MISSING",
                ),
                ("PROJECTOR_DATABASE", "COMMAND_API_DATABASE", "projector may do nothing else: MISSING"),
                (
                    "PROJECTOR_ELASTICSEARCH",
                    "QUERY_BFF_ELASTICSEARCH",
                    "projector may make indexes `wechess*`: MISSING",
                ),
            ] {
                let (fine, said) = told(dev_on("doctor", &confused(&servers, name, with)));
                assert!(!fine && said.contains(finding), "{name}: {said}");
            }
            let probes = direct::elasticsearch_admin("GET", "/wechess-doctor-probe*/_count", None).await;
            assert_eq!(probes.body["_shards"]["total"], 0, "what doctor makes it removes: {}", probes.text);
            let events = direct::jetstream().await.get_stream("wechess_events").await.expect("the projector made it");
            let tail =
                direct::owner().await.query_one("select tail from wechess.log", &[]).await.unwrap().get::<_, i64>(0);
            assert_eq!(events.cached_info().state.last_sequence, tail as u64, "doctor forged no event");

            let mut fresh = dev_on("up", &servers);
            fresh.args(["--fresh", "--name", &whole.name]);
            let (done, said) = told(fresh);
            assert!(!done && said.contains("does not empty servers that run elsewhere"), "{said}");
            drop(whole);
            direct::owner().await.batch_execute("select 1 from wechess.log").await.expect("down leaves them alone");
        });
    }
}
