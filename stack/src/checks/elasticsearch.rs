//! Elasticsearch: versions and settings with the projector's login, and one index of our own, made and removed again, on
//! which both logins try what they may and what they may not.

use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;

use super::{Check, Outcome};
use crate::error::{Context, Result};
use crate::external::{Access, Search};
use crate::unit::Server;

/// Matches the roles' pattern `wechess*` and no view.
const PROBE: &str = "wechess-doctor-probe";

/// Whether the login is taken and the cluster answers.
pub fn reach(access: &Access) -> Result<()> {
    let (status, _) = ask(access, "GET", "/_cluster/health", None)?;
    let said = (status == 200).then_some(());
    said.context(|| format!("{} answers {status} to the login `{}`", access.url, access.login.user))
}

/// How many documents a view holds.
pub fn documents(access: &Access, view: &str) -> Result<u64> {
    let path = format!("/wechess_{}/_count", view.to_ascii_lowercase());
    let (status, answer) = ask(access, "POST", &path, Some(r#"{"query": {"term": {"_live": true}}}"#))?;
    answer["count"].as_u64().context(|| format!("{path} answers {status}"))
}

pub fn all(search: &Search) -> Vec<Check> {
    let mut checks = Vec::new();
    for (who, access) in [("projector", &search.projector), ("query-bff", &search.query_bff)] {
        if let Err(error) = reach(access) {
            checks.push(Check::new(
                Server::Elasticsearch,
                format!("{who} reaches it with its login"),
                Outcome::Missing(error.to_string()),
            ));
        }
    }
    if checks.is_empty()
        && let Err(error) = settings(&search.projector, &mut checks).and_then(|()| privileges(search, &mut checks))
    {
        checks.push(Check::new(Server::Elasticsearch, "it answers", Outcome::Missing(error.to_string())));
    }
    checks
}

fn check(holds: bool, what: impl Into<String>, remedy: impl Into<String>) -> Check {
    Check::that(holds, Server::Elasticsearch, what, remedy)
}

fn settings(access: &Access, checks: &mut Vec<Check>) -> Result<()> {
    let (_, nodes) = ask(access, "GET", "/_nodes/_all/http?filter_path=nodes.*.version", None)?;
    let versions: Vec<String> = nodes["nodes"]
        .as_object()
        .map(|nodes| nodes.values().filter_map(|node| Some(node["version"].as_str()?.to_owned())).collect())
        .unwrap_or_default();
    let fits = !versions.is_empty() && versions.iter().all(|version| is_supported(version));
    checks.push(check(
        fits,
        "version 8.19 or newer, or 9",
        format!("use 8.19 or newer, or 9: its nodes have {versions:?}"),
    ));
    let path = "/_cluster/settings?include_defaults=true&filter_path=*.action.auto_create_index";
    let (_, all) = ask(access, "GET", path, None)?;
    // What is set later wins.
    let set = ["transient", "persistent", "defaults"]
        .iter()
        .find_map(|level| all[*level]["action"]["auto_create_index"].as_str())
        .unwrap_or("true");
    checks.push(check(
        set == "false" || set.contains("-wechess*"),
        "indexes `wechess*` are not made by a write (action.auto_create_index)",
        format!("set action.auto_create_index to `false`, or to `-wechess*,*`; it is `{set}`"),
    ));
    Ok(())
}

/// 8.19 and newer of 8, and 9.
fn is_supported(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    matches!((parts.next(), parts.next()), (Some(8), Some(19..)) | (Some(9), _))
}

fn privileges(search: &Search, checks: &mut Vec<Check>) -> Result<()> {
    let (writer, reader) = (&search.projector, &search.query_bff);
    let (index, document) = (format!("/{PROBE}"), format!("/{PROBE}/_doc/1"));
    const ALL: &str = "give it `all` on the indexes `wechess*`";
    let (_, _) = ask(writer, "DELETE", &index, None)?;
    let settings = r#"{"settings": {"number_of_shards": 1, "number_of_replicas": 0}}"#;
    let (made, _) = ask(writer, "PUT", &index, Some(settings))?;
    checks.push(check(made == 200, "projector may make indexes `wechess*`", format!("{ALL}: it got {made}")));
    let (written, _) = ask(writer, "PUT", &document, Some("{}"))?;
    checks.push(check(written == 201, "projector may write documents there", format!("{ALL}: it got {written}")));
    let (read, _) = ask(reader, "GET", &format!("/{PROBE}/_search"), None)?;
    const READ: &str = "give it `read` and `view_index_metadata` on the indexes `wechess*`";
    checks.push(check(read == 200, "query-bff may search them", format!("{READ}: it got {read}")));
    let (mapping, _) = ask(reader, "GET", &format!("/{PROBE}/_mapping"), None)?;
    checks.push(check(mapping == 200, "query-bff may read their mappings", format!("{READ}: it got {mapping}")));
    for (what, method, path) in [
        ("write documents", "PUT", format!("/{PROBE}/_doc/2")),
        ("delete documents", "DELETE", document),
        ("make indexes", "PUT", format!("/{PROBE}-2")),
        ("delete indexes", "DELETE", index.clone()),
    ] {
        let body = if path.contains("_doc") && method == "PUT" { Some("{}") } else { None };
        let (status, _) = ask(reader, method, &path, body)?;
        const ONLY: &str = "give it a login with `read` and `view_index_metadata` only";
        checks.push(check(
            status == 403,
            format!("query-bff may not {what}"),
            format!("{ONLY}: it got {status} where 403 was due"),
        ));
    }
    for left in [index, format!("/{PROBE}-2")] {
        ask(writer, "DELETE", &left, None)?;
    }
    Ok(())
}

/// The status and the answer; an error only when there is none.
fn ask(access: &Access, method: &str, path: &str, body: Option<&str>) -> Result<(u16, Value)> {
    let login =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", access.login.user, access.login.password));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .http_status_as_error(false)
        .build()
        .into();
    let what = || format!("cannot reach {}", access.url);
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", access.url))
        .header("Authorization", format!("Basic {login}"))
        .header("Content-Type", "application/json")
        .body(body.unwrap_or_default().to_owned())
        .context(what)?;
    let mut answer = agent.run(request).context(what)?;
    let status = answer.status().as_u16();
    Ok((status, answer.body_mut().read_json().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_are_supported_from_their_first_version_on() {
        for (version, fits) in
            [("8.18.9", false), ("8.19.16", true), ("9.0.0", true), ("9.3.2", true), ("7.17.1", false)]
        {
            assert_eq!(is_supported(version), fits, "{version}");
        }
    }
}
