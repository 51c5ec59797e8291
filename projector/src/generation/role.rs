//! What a generation that does not serve is for: it is being filled, it failed its comparison, or it is kept, frozen.

use elasticsearch::http::Method;
use serde_json::{Map, Value, json};

use super::{Generation, Generations};
use crate::document::own_source;
use crate::elastic::{IndexError, Write};

/// The id of this document among the others of an index.
const ROLE: &str = "role";
const FILLING: &str = "filling";
const FAILED: &str = "failed";
const FILLED: &str = "filled";

/// A generation that is to be filled until it can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling {
    /// Opened for writing.
    pub generation: Generation,
    /// What was asked.
    pub asked: Asked,
    /// Joined facts are at least as new as this from its first document on.
    pub facts_since: i64,
}

/// How a rebuild is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    /// This generation instead of a new one.
    pub to: Option<u32>,
    /// Swap although the two do not have equally many documents.
    pub accept_counts: bool,
}

/// What became of a request to rebuild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// This generation is to be filled.
    New(u32),
    /// One is being filled already.
    Already(u32),
    /// It cannot be, and why.
    Refused(String),
}

/// One generation as `projector generations` lists it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The view.
    pub view: String,
    /// Its number.
    pub generation: u32,
    /// `live`, `filling`, `failed`, `frozen`, `foreign` (of another log).
    pub state: String,
    /// Whether it is of the table that this program has.
    pub current_table: bool,
    /// Every event up to here is in it.
    pub checkpoint: Option<i64>,
    /// How many documents can be found in it.
    pub documents: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Why it failed, or how fast it was filled.
    pub note: Option<String>,
    /// How fast it was filled.
    pub events_per_second: Option<f64>,
}

impl Generations {
    /// The generation that is to be filled, if there is one of this log and table.
    pub async fn filling(&self) -> Result<Option<Filling>, IndexError> {
        for (number, one) in self.found().await?.into_iter().rev() {
            if one.aliased || !self.is_of_this_log(&one) || !self.is_of_this_table(&one) {
                continue;
            }
            let role = self.role(number).await?;
            if role["role"] == json!(FILLING)
                && let Some(applied) = self.checkpoint(number).await?
            {
                let index = self.index(number);
                let generation = Generation { index, number, applied, shared_fields: None, same_fold: true };
                let asked = serde_json::from_value(role["asked"].clone()).unwrap_or_default();
                let facts_since = role["factsSince"].as_i64().unwrap_or(0);
                return Ok(Some(Filling { generation, asked, facts_since }));
            }
        }
        Ok(None)
    }

    /// Decides which generation is to be filled, and writes that down: from then on it will be, whoever dies.
    /// `facts_since` is how far the sources of joined facts are, so that no older one gets into a new generation.
    pub async fn begin(&self, asked: Asked, facts_since: i64) -> Result<Begun, IndexError> {
        if let Some(filling) = self.filling().await? {
            return Ok(Begun::Already(filling.generation.number));
        }
        let found = self.found().await?;
        let (number, since) = match asked.to {
            None => (self.create(&found).await?, facts_since),
            Some(number) => {
                let Some(one) = found.get(&number) else {
                    return Ok(Begun::Refused(format!("{} has no generation {number}", self.view)));
                };
                if one.aliased {
                    return Ok(Begun::Refused(format!("generation {number} of {} serves already", self.view)));
                }
                if !self.is_of_this_log(one) || !self.is_of_this_table(one) || self.checkpoint(number).await?.is_none()
                {
                    let told = "is of another log or of another table: only a program with that table can fill it";
                    return Ok(Begun::Refused(format!("generation {number} of {} {told}", self.view)));
                }
                // What it shows was taken when it was filled first.
                (number, self.role(number).await?["factsSince"].as_i64().unwrap_or(0))
            }
        };
        let state = json!({"role": FILLING, "asked": asked, "factsSince": since});
        self.write_role(number, state).await?;
        Ok(Begun::New(number))
    }

    /// Begins to fill a generation of this table because the one that serves is of another; goes on with the newest
    /// that is there. None when the last one failed: somebody must look at it first.
    pub async fn begin_for_table(&self, facts_since: i64) -> Result<Result<(), String>, IndexError> {
        let found = self.found().await?;
        let ours = found.iter().rev().find(|(_, one)| self.is_of_this_log(one) && self.is_of_this_table(one));
        let mut asked = Asked::default();
        if let Some((number, _)) = ours {
            let role = self.role(*number).await?;
            if role["role"] == json!(FAILED) {
                let why = role["reason"].as_str().unwrap_or_default();
                return Ok(Err(format!(
                    "generation {number} of this table failed: {why}; `projector rebuild` tries again"
                )));
            }
            asked.to = self.checkpoint(*number).await?.map(|_| *number);
        }
        Ok(match self.begin(asked, facts_since).await? {
            Begun::New(_) | Begun::Already(_) => Ok(()),
            Begun::Refused(why) => Err(why),
        })
    }

    /// Writes down that a generation may not serve.
    pub async fn fail(&self, number: u32, reason: &str) -> Result<(), IndexError> {
        let mut state = self.role(number).await?;
        state["role"] = json!(FAILED);
        state["reason"] = json!(reason);
        self.write_role(number, state).await
    }

    /// Writes down that a generation is as good as the one that serves, and how fast it was filled.
    pub async fn finish(&self, number: u32, events_per_second: Option<f64>) -> Result<(), IndexError> {
        let mut state = self.role(number).await?;
        state["role"] = json!(FILLED);
        if let Some(rate) = events_per_second {
            state["eventsPerSecond"] = json!(rate.round());
        }
        self.write_role(number, state).await
    }

    /// Notes of the generation under the alias that it is filled, if that is not written down: who was killed between
    /// the two may not have it filled, and the alias put back on it, when it serves no longer.
    pub(super) async fn serves(&self, number: u32) -> Result<(), IndexError> {
        let to_be_filled = self.role(number).await?["role"] == json!(FILLING);
        if to_be_filled { self.finish(number, None).await } else { Ok(()) }
    }

    /// Whether it is written down that a generation may not serve.
    pub(super) async fn has_failed(&self, number: u32) -> Result<bool, IndexError> {
        Ok(self.role(number).await?["role"] == json!(FAILED))
    }

    /// All generations of the view.
    pub async fn list(&self) -> Result<Vec<Listed>, IndexError> {
        let mut all = Vec::new();
        for (number, one) in self.found().await? {
            let (index, role) = (self.index(number), self.role(number).await?);
            let state = match (one.aliased, self.is_of_this_log(&one), role["role"].as_str()) {
                (_, false, _) => "foreign",
                (true, true, _) => "live",
                (false, true, Some(FILLING)) => FILLING,
                (false, true, Some(FAILED)) => FAILED,
                (false, true, Some(_) | None) => "frozen",
            };
            let query = json!({"term": {event_schema::object::hidden::LIVE: true}});
            all.push(Listed {
                view: self.view.to_owned(),
                generation: number,
                state: state.to_owned(),
                current_table: self.is_of_this_table(&one),
                checkpoint: self.checkpoint(number).await?,
                documents: self.elastic.count(&index, query).await?,
                bytes: self.elastic.size(&index).await?,
                note: role["reason"].as_str().filter(|_| state == FAILED).map(str::to_owned),
                events_per_second: role["eventsPerSecond"].as_f64(),
            });
        }
        Ok(all)
    }

    /// Deletes a generation that does not serve; a sentence if it may not be.
    pub async fn drop_generation(&self, number: u32) -> Result<Result<(), String>, IndexError> {
        let found = self.found().await?;
        match found.get(&number) {
            None => Ok(Err(format!("{} has no generation {number}", self.view))),
            Some(one) if one.aliased => {
                Ok(Err(format!("generation {number} of {} serves: it is never dropped", self.view)))
            }
            Some(_) => {
                self.elastic.ask(Method::Delete, &format!("/{}", self.index(number)), None).await?;
                Ok(Ok(()))
            }
        }
    }

    async fn role(&self, number: u32) -> Result<Value, IndexError> {
        let hit = self.elastic.get(&self.index(number), ROLE).await?;
        let state = hit.and_then(|hit| hit.source?.shift_remove(event_schema::object::hidden::STATE));
        Ok(state.unwrap_or_else(|| json!({})))
    }

    async fn write_role(&self, number: u32, state: Value) -> Result<(), IndexError> {
        let version = chrono::Utc::now().timestamp_micros();
        let state: Map<String, Value> = state.as_object().cloned().unwrap_or_default();
        self.write_own(number, Write::newer(ROLE.to_owned(), version, own_source(ROLE, 0, state))).await
    }
}
