//! Every document of a view against the fold of the log, field by field.

use std::collections::{BTreeMap, BTreeSet};

use event_schema::object::hidden;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::expect::{Documents, Expected};
use crate::finding::Finding;

/// A live document that a search of a view finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its version in the index.
    pub version: i64,
    /// The whole document.
    pub source: Map<String, Value>,
}

/// Compares what a view holds with what the log makes of it.
pub fn check(view: &str, found: &BTreeMap<Uuid, Found>, expected: &Documents) -> Vec<Finding> {
    let view = || view.to_owned();
    let mut findings = Vec::new();
    let live = |id: &Uuid| expected.get(id).is_some_and(|expected| expected.source.is_some());
    for id in found.keys().filter(|id| !live(id)) {
        findings.push(Finding::DocumentUnexpected { view: view(), id: id.to_string() });
    }
    for (id, expected) in expected {
        let Some(source) = &expected.source else { continue };
        match found.get(id) {
            None => findings.push(Finding::DocumentMissing { view: view(), id: id.to_string() }),
            Some(found) => {
                let differs = |(field, is, should): (String, String, String)| Finding::ViewDiffers {
                    view: view(),
                    id: id.to_string(),
                    field,
                    is,
                    should,
                };
                findings.extend(differences(found, source, expected).into_iter().map(differs));
                if found.source.get(hidden::POSITION).and_then(Value::as_i64) != Some(found.version) {
                    let (view, id, version) = (view(), id.to_string(), found.version);
                    findings.push(Finding::VersionDiffers { view, id, version });
                }
            }
        }
    }
    findings
}

fn differences(found: &Found, source: &Map<String, Value>, expected: &Expected) -> Vec<(String, String, String)> {
    let names: BTreeSet<&String> = found.source.keys().chain(source.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let (is, should) = (found.source.get(name), source.get(name));
        let later = || expected.may_be_later && is.and_then(Value::as_i64) >= should.and_then(Value::as_i64);
        if is == should || (name == hidden::POSITION && later()) {
            continue;
        }
        let shown = |value: Option<&Value>| value.map_or_else(|| "absent".to_owned(), ToString::to_string);
        differences.push((name.clone(), shown(is), shown(should)));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::expect;
    use crate::check::samples::{created, game, moved};
    use serde_json::json;

    fn sound() -> (BTreeMap<Uuid, Found>, Documents) {
        let views = expect::views(&[created(1), moved(2, 1, "e2e4")]).unwrap();
        let expected = views["chessGameListView"].clone();
        let source = expected[&game()].source.clone().unwrap();
        ([(game(), Found { version: 2, source })].into(), expected)
    }

    fn told(change: impl FnOnce(&mut BTreeMap<Uuid, Found>)) -> Vec<String> {
        let (mut found, expected) = sound();
        change(&mut found);
        check("chessGameListView", &found, &expected).iter().map(ToString::to_string).collect()
    }

    fn game_of(found: &mut BTreeMap<Uuid, Found>) -> &mut Found {
        found.get_mut(&game()).unwrap()
    }

    #[test]
    fn equal_documents_and_a_later_joined_fact_are_no_findings() {
        assert_eq!(told(|_| ()), Vec::<String>::new());
        assert_eq!(
            told(|found| {
                game_of(found).version = 9;
                game_of(found).source["_position"] = json!(9);
            }),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_missing_an_unexpected_and_a_different_document_are_told() {
        let missing = told(BTreeMap::clear);
        assert_eq!(missing, [format!("DocumentMissing: chessGameListView/{}", game())]);
        let stranger = told(|found| {
            let copy = game_of(found).clone();
            found.insert(Uuid::from_u128(77), copy);
        });
        assert_eq!(stranger, [format!("DocumentUnexpected: chessGameListView/{}", Uuid::from_u128(77))]);
        let other = told(|found| game_of(found).source["plies"] = json!(7));
        assert_eq!(other, [format!("ViewDiffers: chessGameListView/{}: `plies` is 7, the log says 1", game())]);
        let more = told(|found| drop(game_of(found).source.insert("more".into(), json!(1))));
        assert!(more[0].contains("`more` is 1, the log says absent"));
    }

    #[test]
    fn a_version_that_is_not_the_position_or_an_older_one_is_told() {
        let other = told(|found| game_of(found).version = 3);
        assert!(other.len() == 1 && other[0].starts_with("VersionDiffers"), "{other:?}");
        let older = told(|found| {
            game_of(found).version = 1;
            game_of(found).source["_position"] = json!(1);
        });
        assert!(older[0].contains("`_position` is 1, the log says 2"));
    }

    #[test]
    fn a_dead_document_may_leave_nothing_but_must_not_live() {
        let (found, mut expected) = sound();
        expected.insert(game(), Expected { source: None, may_be_later: false });
        assert_eq!(check("v", &BTreeMap::new(), &expected), []);
        assert_eq!(check("v", &found, &expected).len(), 1);
    }
}
