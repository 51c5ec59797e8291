//! The golden files: one sample of every stored shape.

use event_schema::envelope::Recorded;
use event_schema::ids::CommandId;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// Where they stand: `<category>.json`.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// An event as its row holds it, personal fields sealed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    #[serde(rename = "type")]
    pub kind: String,
    pub schema: i16,
    pub data: Value,
}

/// The samples of a category.
pub fn samples(category: &str) -> Vec<Sample> {
    let path = format!("{FOLDER}/{category}.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The sample as a row of the log.
pub fn recorded(category: &str, sample: &Sample) -> Recorded {
    Recorded {
        position: 1,
        stream_id: Uuid::from_u128(1),
        version: 1,
        category: category.to_owned(),
        kind: sample.kind.clone(),
        schema: sample.schema,
        command_id: CommandId(Uuid::from_u128(2)),
        ordinal: 0,
        correlation_id: Uuid::from_u128(2),
        causation_id: None,
        actor_id: Some(Uuid::from_u128(3)),
        recorded_at: "2026-01-31T12:00:00.125Z".parse().unwrap(),
        data: sample.data.clone(),
    }
}
