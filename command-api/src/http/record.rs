//! Records over HTTP: create, update, delete and reads of objects that only have a value, written once. A record's own
//! file adds its body tables, its checks, and who may change it.

use std::future::Future;
use std::marker::PhantomData;

use event_schema::ids::UserId;
use event_schema::object::Object;
use event_schema::record::{Record, RecordEvent};
use event_schema::stored::{Stored, fields_of};
use serde_json::{Map, Value, json};
use service::ApiError;
use service::sessions::Caller;
use uuid::Uuid;

use super::body::Param;
use super::call::Call;
use super::predicate::Predicate;
use super::query::Query;
use super::read::{Readable, shown};
use super::write::Write;
use crate::es::aggregate::{Actor, Command, Context, Decision, Plain, Rejection};
use crate::es::effect::Effect;
use crate::es::state::Loaded;
use crate::es::store::Done;

/// What happens to a record that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It gets another value.
    Update,
    /// It goes.
    Delete,
}

/// What a record is to the API besides its table.
pub trait Rules: Record {
    /// The body of create.
    const CREATE: &'static [Param];
    /// The body of update.
    const UPDATE: &'static [Param];
    /// The field that holds its owner: taken from the session (contract README, row 10), never changed.
    const OWNER: &'static str;
    /// The field that shows it to everybody when it is true.
    const PUBLISHED: Option<&'static str> = None;
    /// What a new one has where the body says nothing.
    fn defaults() -> Map<String, Value> {
        Map::new()
    }
    /// Whose it is; none: it came with the system.
    fn owner(&self) -> Option<UserId>;
    /// Whether everybody sees it.
    fn is_published(&self) -> bool {
        false
    }
    /// Its one form, or why it cannot be.
    fn checked(self) -> Result<Self, Rejection>;
    /// Whether this actor may make it: who owns it, and an admin in his name.
    fn may_be_made_by(&self, actor: Actor) -> bool {
        self.owner() == actor.user_id() || actor.is_admin()
    }
    /// Whether this actor may do this to it.
    fn allows(&self, change: Change, actor: Actor) -> bool;
    /// Why this actor, who may change it, may not make it this other value.
    fn may_become(&self, after: &Self, actor: Actor) -> Result<(), Rejection> {
        let _ = (after, actor);
        Ok(())
    }
    /// Those that a list shows a caller who is no admin.
    fn seen_by(caller: &Caller) -> Predicate {
        let published = Self::PUBLISHED.map(|field| Predicate::Is(field, vec!["true".to_owned()]));
        let own = Predicate::Is(Self::OWNER, vec![caller.user_id.to_string()]);
        Predicate::Or(std::iter::once(own).chain(published).collect())
    }
    /// Whether a caller who is no admin may read it.
    fn is_seen_by(&self, caller: &Caller) -> bool {
        self.is_published() || self.owner() == Some(caller.user_id)
    }
    /// What only one of them may have.
    fn unique_key(&self) -> Option<String> {
        None
    }
    /// Whether the caller can reach the one in the path at all, to change or delete it.
    fn in_reach(call: &Call) -> impl Future<Output = Result<(), ApiError>> {
        let _ = call;
        std::future::ready(Ok(()))
    }
    /// Whether what the body names is there.
    fn look_up(call: &Call) -> impl Future<Output = Result<(), ApiError>> {
        let _ = call;
        std::future::ready(Ok(()))
    }
}

/// Whether this actor owns it.
pub fn owns<R: Rules>(record: &R, actor: Actor) -> bool {
    record.owner().is_some() && record.owner() == actor.user_id()
}

/// The record as it is, if there is one and this may be done to it.
fn allowed<R: Rules>(change: Change, state: &Plain<R>, cx: &Context) -> Result<R, Rejection> {
    let name = R::TABLE.name;
    let Some(stored) = state.0.as_ref().filter(|stored: &&Stored<R>| stored.active) else {
        return Err(Rejection::not_found("errMsg_recordNotFound", format!("there is no {name} `{}`", cx.stream)));
    };
    if stored.object.allows(change, cx.actor) {
        return Ok(stored.object.clone());
    }
    let verb = match change {
        Change::Update => "change",
        Change::Delete => "delete",
    };
    Err(Rejection::forbidden("errMsg_forbidden", format!("this {name} is not yours to {verb}")))
}

/// Makes a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Create<R>(pub R);

impl<R: Rules> Command for Create<R> {
    type Aggregate = Plain<R>;

    fn decide(&self, state: &Plain<R>, cx: &Context) -> Result<Decision<R::Event>, Rejection> {
        if state.0.is_some() {
            return Ok(Vec::new().into()); // Its id derives from the command: this is a retry.
        }
        if !self.0.may_be_made_by(cx.actor) {
            let told = format!("`{}` must be you; leave it out", R::OWNER);
            return Err(Rejection::forbidden("errMsg_forbidden", told));
        }
        let value = self.0.clone().checked()?;
        let key = value.unique_key();
        let decision = Decision::from(vec![R::Event::saved(value)]);
        Ok(match key {
            Some(key) => decision.with(Effect::ClaimKey { key, stream: cx.stream }),
            None => decision,
        })
    }

    fn key_taken(&self, _: &str) -> Rejection {
        let name = R::TABLE.name;
        Rejection::conflict("errMsg_alreadyExists", format!("this user has a {name} already; change that one"))
    }
}

/// Changes the fields that were sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Update<R> {
    changes: Map<String, Value>,
    of: PhantomData<fn() -> R>,
}

impl<R> Update<R> {
    /// These fields get these values.
    pub fn new(changes: Map<String, Value>) -> Self {
        Self { changes, of: PhantomData }
    }
}

impl<R: Rules> Command for Update<R> {
    type Aggregate = Plain<R>;

    fn decide(&self, state: &Plain<R>, cx: &Context) -> Result<Decision<R::Event>, Rejection> {
        let before = allowed(Change::Update, state, cx)?;
        if self.changes.get(R::OWNER).is_some_and(|owner| *owner != json!(before.owner())) {
            let told = format!("`{}` cannot be changed; leave it out", R::OWNER);
            return Err(Rejection::forbidden("errMsg_forbidden", told));
        }
        let mut fields = fields_of(&before);
        fields.extend(self.changes.clone());
        let after: R = serde_json::from_value(Value::Object(fields))
            .map_err(|error| Rejection::invalid("errMsg_bodyIsNotValid", error.to_string()))?;
        let after = after.checked()?;
        before.may_become(&after, cx.actor)?;
        let events = if after == before { Vec::new() } else { vec![R::Event::changed(after)] };
        Ok(events.into())
    }
}

/// Deletes a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete<R>(PhantomData<fn() -> R>);

impl<R> Default for Delete<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R: Rules> Command for Delete<R> {
    type Aggregate = Plain<R>;

    fn decide(&self, state: &Plain<R>, cx: &Context) -> Result<Decision<R::Event>, Rejection> {
        let before = allowed(Change::Delete, state, cx)?;
        let decision = Decision::from(vec![R::Event::deleted()]);
        Ok(match before.unique_key() {
            Some(key) => decision.with(Effect::ReleaseKey { key, stream: cx.stream }),
            None => decision,
        })
    }
}

impl<R: Rules> Write for Create<R> {
    const BODY: &'static [Param] = R::CREATE;
    const SHOWS: &'static Object = R::TABLE;
    const ABOUT: &'static str = "Makes one; its owner is taken from the session.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        R::look_up(call).await?;
        let mut fields = R::defaults();
        fields.insert(R::OWNER.to_owned(), json!(call.caller()?.user_id));
        fields.extend(call.body.clone());
        let value = serde_json::from_value(Value::Object(fields))
            .map_err(|error| ApiError::new(400, "errMsg_bodyIsNotValid", error.to_string()))?;
        Ok((call.request.command.derive(R::TABLE.name), Self(value)))
    }

    fn answer(done: &Done<Plain<R>>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

impl<R: Rules> Write for Update<R> {
    const BODY: &'static [Param] = R::UPDATE;
    const SHOWS: &'static Object = R::TABLE;
    const ABOUT: &'static str = "Changes the fields that are sent.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        R::in_reach(call).await?;
        R::look_up(call).await?;
        Ok((call.path_id()?, Self::new(call.body.clone())))
    }

    fn answer(done: &Done<Plain<R>>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

impl<R: Rules> Write for Delete<R> {
    const BODY: &'static [Param] = &[];
    const SHOWS: &'static Object = R::TABLE;
    const ABOUT: &'static str = "Deletes it; admins still see it, inactive.";

    async fn prepare(call: &Call) -> Result<(Uuid, Self), ApiError> {
        R::in_reach(call).await?;
        Ok((call.path_id()?, Self::default()))
    }

    fn answer(done: &Done<Plain<R>>, call: &Call) -> Option<Map<String, Value>> {
        shown(done, call)
    }
}

impl<R: Rules> Readable for Plain<R> {
    /// Admins all, everybody else his own and what is published.
    fn scope(caller: &Caller, _: &Query) -> Predicate {
        if caller.role.is_admin() { Predicate::And(Vec::new()) } else { R::seen_by(caller) }
    }

    fn may_read(loaded: &Loaded<Self>, caller: &Caller, _: &Query) -> bool {
        let Some(stored) = &loaded.state.0 else { return false };
        caller.role.is_admin() || stored.object.is_seen_by(caller)
    }
}
