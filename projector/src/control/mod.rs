//! What the leading projector is asked by its command line, over NATS with its own login.

mod server;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::generation::Asked;
use crate::progress::Progress;

pub use server::{Desk, run};

/// The `what` of [`event_schema::names::Namespace::projector_subject`].
pub mod verb {
    /// [`super::Rebuild`] -> a list of [`super::Started`].
    pub const REBUILD: &str = "rebuild";
    /// [`super::Rebuild`] -> a list of [`super::Plan`]: what it would do.
    pub const PLAN: &str = "plan";
    /// [`super::Of`] -> a list of [`super::Watching`].
    pub const PROGRESS: &str = "progress";
    /// [`super::Of`] -> a list of [`crate::generation::Listed`].
    pub const GENERATIONS: &str = "generations";
    /// [`super::Drop`] -> null.
    pub const DROP: &str = "drop";
    /// [`super::Of`] -> [`super::PerView`]: what is parked.
    pub const PARKED: &str = "parked";
    /// [`super::Heal`] -> [`super::PerView`] of [`crate::heal::Healed`].
    pub const HEAL: &str = "heal";
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// It was done.
    Ok(Value),
    /// It was not, and why.
    Refused(String),
}

/// Which views: one by its name, or all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Of {
    /// A name; all of them without one.
    pub view: Option<String>,
}

/// Fills another generation of views.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// Which.
    #[serde(flatten)]
    pub of: Of,
    /// How.
    #[serde(flatten)]
    pub asked: Asked,
}

/// What was begun for a view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The view.
    pub view: String,
    /// The generation that is filled now.
    pub generation: Option<u32>,
    /// It was being filled already.
    pub already: bool,
    /// Why it is not.
    pub refused: Option<String>,
}

/// What a rebuild of a view would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The view.
    pub view: String,
    /// Events to read.
    pub events: i64,
    /// Documents that the serving generation has.
    pub documents: u64,
    /// Its bytes on disk.
    pub bytes: u64,
    /// Seconds that it may take.
    pub seconds: f64,
    /// Whether that is known from an earlier rebuild of this view; else a guess.
    pub measured: bool,
}

/// How far a view's rebuild is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watching {
    /// The view.
    pub view: String,
    /// The generation that serves.
    pub live: Option<u32>,
    /// The rebuild that is going on, or the last one since this projector leads.
    pub progress: Option<Progress>,
}

/// Deletes a generation that does not serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drop {
    /// The view.
    pub view: String,
    /// The generation.
    pub generation: u32,
}

/// Folds parked documents anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heal {
    /// Which views.
    #[serde(flatten)]
    pub of: Of,
    /// Which documents; all parked ones without it.
    pub ids: Option<Vec<uuid::Uuid>>,
}

/// Something for each view.
pub type PerView = BTreeMap<String, Value>;
