//! `user`: a registered person or a guest.

use serde::{Deserialize, Serialize};

use crate::choices::choices;
use crate::event::DomainEvent;
use crate::object::{Deletion, KeyOf, Object, ReadBy, boolean, string};
use crate::stored::{DataObject, Readers};

choices! {
    /// What a user may do, in rising order of rank.
    Role {
        /// Plays without an account.
        Guest = "guest",
        /// The default of a registered user.
        User = "user",
        /// Moderates and manages.
        Admin = "admin",
        /// Made from configuration; cannot be deleted.
        SuperAdmin = "superAdmin",
    }
}

impl Role {
    /// admin or superAdmin.
    pub fn is_admin(self) -> bool {
        match self {
            Self::Guest | Self::User => false,
            Self::Admin | Self::SuperAdmin => true,
        }
    }

    /// Whether this rank reaches that one.
    pub fn is_at_least(self, least: Self) -> bool {
        self as u8 >= least as u8
    }
}

/// The contract's table (1.3).
pub const USER: Object = Object {
    name: "user",
    plural: "users",
    deletion: Deletion::Soft,
    read_by: ReadBy::admins_and("the user himself"),
    fields: &[
        string("email").personal(KeyOf::Stream).listed().searched(),
        string("password").withheld(),
        string("fullname").personal(KeyOf::Stream).listed().searched(),
        string("avatar").personal(KeyOf::Stream),
        string("roleId").listed(),
        boolean("emailVerified"),
    ],
    additions: &[],
};

/// The state of a user. Personal fields are `None` once erased; guests have no e-mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Unique, in lower case.
    pub email: Option<String>,
    /// Shown to other players.
    pub fullname: Option<String>,
    /// URL of a picture.
    pub avatar: Option<String>,
    /// The role.
    pub role_id: Role,
    /// Whether the e-mail address was proven.
    pub email_verified: bool,
}

/// Stored: past tense, never renamed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum UserEvent {
    /// A person or a guest has an account now.
    UserRegistered(User),
    /// A guest gave himself an e-mail and a password; id and history stay.
    #[serde(rename_all = "camelCase")]
    GuestUpgraded {
        /// Unique, in lower case.
        email: Option<String>,
        /// The new name.
        fullname: Option<String>,
        /// The new picture.
        avatar: Option<String>,
    },
}

impl DomainEvent for UserEvent {
    const CATEGORY: &'static str = "user";

    fn schema(_: &str) -> i16 {
        1
    }

    fn upcast(_: &str, _: i16, data: serde_json::Value) -> serde_json::Value {
        data
    }
}

impl DataObject for User {
    const TABLE: &'static Object = &USER;
    type Event = UserEvent;

    fn begin(event: &UserEvent) -> Option<Self> {
        match event {
            UserEvent::UserRegistered(user) => Some(user.clone()),
            UserEvent::GuestUpgraded { .. } => None,
        }
    }

    fn evolve(&mut self, event: &UserEvent) {
        match event {
            UserEvent::UserRegistered(user) => *self = user.clone(),
            UserEvent::GuestUpgraded { email, fullname, avatar } => {
                self.email.clone_from(email);
                self.fullname.clone_from(fullname);
                self.avatar.clone_from(avatar);
                self.role_id = Role::User;
            }
        }
    }

    fn deletes(event: &UserEvent) -> bool {
        match event {
            UserEvent::UserRegistered(_) | UserEvent::GuestUpgraded { .. } => false,
        }
    }

    fn readers(&self, id: uuid::Uuid) -> Readers {
        Readers::Users(vec![id])
    }
}
