//! Saved filters of the query service: it forwards the user's wish here, with his own token.

use event_schema::auth::user::Role;
use event_schema::position::LogPosition;
use event_schema::saved_filter::{SavedFilter, SavedFilterEvent};
use event_schema::wire::{DeleteFilter, FilterSaved, SaveFilter};
use serde_json::{Value, json};
use service::ApiError;

use crate::app::App;
use crate::es::aggregate::{Actor, Command, Context, Decision, Plain, Rejection};
use crate::es::request::Request;
use crate::es::store::Done;
use crate::http::body::contains_nul;
use crate::http::error::of_failure;
use crate::http::read::rendered;

/// The aggregate of category `savedFilter`.
pub type Filter = Plain<SavedFilter>;

/// The longest name in characters.
const LONGEST_NAME: usize = 100;

struct Save(SavedFilter);

impl Command for Save {
    type Aggregate = Filter;

    /// A filter is shared with the role of who saves it, or with nobody.
    fn decide(&self, state: &Filter, cx: &Context) -> Result<Decision<SavedFilterEvent>, Rejection> {
        let foreign = |role: &Role| !matches!(cx.actor, Actor::User(_, own) if own == *role);
        if let Some(role) = self.0.shared_with.filter(foreign) {
            let told = format!("`sharedWith` is your own role or nothing, not {}", role.as_str());
            return Err(Rejection::forbidden("errMsg_forbidden", told));
        }
        let same = state.0.as_ref().is_some_and(|stored| stored.active && stored.object == self.0);
        let events = if same { Vec::new() } else { vec![SavedFilterEvent::FilterSaved(self.0.clone())] };
        Ok(events.into())
    }
}

struct Delete {
    index_name: String,
}

impl Command for Delete {
    type Aggregate = Filter;

    /// A foreign filter is not there at all (contract README, row 4).
    fn decide(&self, state: &Filter, cx: &Context) -> Result<Decision<SavedFilterEvent>, Rejection> {
        let own = state.0.as_ref().filter(|stored| {
            stored.active
                && Some(stored.object.user_id) == cx.actor.user_id()
                && stored.object.index_name.eq_ignore_ascii_case(&self.index_name)
        });
        match own {
            Some(_) => Ok(vec![SavedFilterEvent::FilterDeleted {}].into()),
            None => {
                Err(Rejection::not_found("errMsg_filterNotFound", format!("you have no saved filter `{}`", cx.stream)))
            }
        }
    }
}

/// Saves a filter for the bearer of the token.
pub async fn save(app: &App, wish: SaveFilter) -> Result<FilterSaved, ApiError> {
    let caller = app.sessions.caller_of_token(&wish.token).await?;
    let too_long =
        wish.filter_name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME || name.contains('\0'));
    if too_long || contains_nul(&wish.conditions) {
        let told = format!("`filterName` must have at most {LONGEST_NAME} characters, and nothing may contain U+0000");
        return Err(ApiError::new(400, "errMsg_filterNameIsNotValid", told));
    }
    let actor = Actor::User(caller.user_id, caller.role);
    let request = match &wish.idempotency_key {
        Some(key) => {
            let mut body =
                json!({"indexName": wish.index_name, "filterName": wish.filter_name, "conditions": wish.conditions});
            // What is not shared keeps the fingerprint that it had before anything could be.
            if let Some(role) = wish.shared_with {
                body["sharedWith"] = json!(role);
            }
            Request::keyed(actor, key, "saveFilter", &body, &app.store.keys.master)
        }
        None => Request::once(actor),
    };
    let filter = SavedFilter {
        index_name: wish.index_name,
        filter_name: wish.filter_name,
        conditions: wish.conditions,
        user_id: caller.user_id,
        shared_with: wish.shared_with,
    };
    let stream = request.command.derive("savedFilter");
    let done = app.store.transact(stream, &Save(filter), &request).await.map_err(of_failure)?;
    Ok(answer(app, &done))
}

/// Deletes a filter of the bearer of the token.
pub async fn delete(app: &App, wish: DeleteFilter) -> Result<FilterSaved, ApiError> {
    let caller = app.sessions.caller_of_token(&wish.token).await?;
    let request = Request::once(Actor::User(caller.user_id, caller.role));
    let command = Delete { index_name: wish.index_name };
    let done = app.store.transact(wish.filter_id, &command, &request).await.map_err(of_failure)?;
    Ok(answer(app, &done))
}

fn answer(app: &App, done: &Done<Filter>) -> FilterSaved {
    let consistency_token = LogPosition { log: app.store.log.id, position: done.position }.to_string();
    FilterSaved { item: rendered(&done.loaded).map_or(Value::Null, Value::Object), consistency_token }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use event_schema::ids::{CommandId, UserId};
    use event_schema::stored::Stored;
    use uuid::Uuid;

    fn by(user: u128) -> Context {
        let command = CommandId::new();
        let actor = Actor::User(UserId(Uuid::from_u128(user)), Role::User);
        Context { actor, now: Utc::now(), command, stream: command.derive("savedFilter") }
    }

    fn saved(user: u128) -> (SavedFilter, Filter) {
        let filter = SavedFilter {
            index_name: "chessGame".into(),
            filter_name: None,
            conditions: json!({"status": "active"}),
            user_id: UserId(Uuid::from_u128(user)),
            shared_with: None,
        };
        (filter.clone(), Plain(Stored::apply(None, &SavedFilterEvent::FilterSaved(filter), None)))
    }

    #[test]
    fn saving_the_same_twice_says_nothing_new() {
        let (filter, state) = saved(1);
        assert!(Save(filter).decide(&state, &by(1)).unwrap().events.is_empty());
    }

    #[test]
    fn one_shares_with_his_own_role_only() {
        let (filter, state) = saved(1);
        let sharing = |role| Save(SavedFilter { shared_with: Some(role), ..filter.clone() }).decide(&state, &by(1));
        assert_eq!(sharing(Role::User).unwrap().events.len(), 1);
        for other in [Role::Guest, Role::Admin, Role::SuperAdmin] {
            assert_eq!(sharing(other).unwrap_err().code, "errMsg_forbidden");
        }
    }

    #[test]
    fn only_the_owner_deletes_and_only_from_its_index() {
        let (_, state) = saved(1);
        let of = |index: &str| Delete { index_name: index.into() };
        assert!(of("chessgame").decide(&state, &by(1)).is_ok());
        assert_eq!(of("chessGame").decide(&state, &by(2)).unwrap_err().code, "errMsg_filterNotFound");
        assert!(of("user").decide(&state, &by(1)).is_err());
    }
}
