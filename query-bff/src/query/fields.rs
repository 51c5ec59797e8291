//! Names of fields in requests: found for the role that asks, or noted as a fault with the nearest name.

use event_schema::auth::user::Role;

use super::faults::{Code, Faults, did_you_mean, quoted};
use crate::view::{Column, NoColumn, View};

/// The column of that name, if there is one that the role may use; else the fault is noted at `at`. Every field that a
/// request names, in whatever place, comes through here.
pub fn field(view: &'static View, role: Role, name: &str, at: &str, faults: &mut Faults) -> Option<&'static Column> {
    field_or(view, role, name, &[], at, faults)
}

/// As [`field`], where `words` of a grammar may have been meant as well.
pub fn field_or(
    view: &'static View,
    role: Role,
    name: &str,
    words: &[&str],
    at: &str,
    faults: &mut Faults,
) -> Option<&'static Column> {
    match view.column_for(role, name) {
        Ok(column) => Some(column),
        Err(NoColumn::Unknown) => {
            let known = view.columns_for(role).map(|column| column.name.as_str());
            let hint = did_you_mean(name, known.chain(words.iter().copied()));
            let message = format!("{} is no field of {}{hint}", quoted(name), view.table.name);
            faults.push(at, Code::UnknownField, message);
            None
        }
        Err(NoColumn::NotForRole) => {
            let message = format!("`{name}` of {} is not for the role {}", view.table.name, role.as_str());
            faults.push(at, Code::FieldNotAllowed, message);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::ruled;

    fn told(role: Role, name: &str) -> Vec<(String, String)> {
        let mut faults = Faults::default();
        let found = field(ruled(), role, name, "/x", &mut faults);
        assert_eq!(found.is_none(), !faults.is_empty());
        faults.listed().iter().map(|fault| (fault.code.clone(), fault.message.clone())).collect()
    }

    fn one(code: &str, message: &str) -> Vec<(String, String)> {
        vec![(code.to_owned(), message.to_owned())]
    }

    #[test]
    fn what_exists_for_others_is_a_403_and_never_offered() {
        let not_yours = "`email` of ruled is not for the role user";
        assert_eq!(told(Role::User, "email"), one("errMsg_fieldNotAllowed", not_yours));
        assert_eq!(told(Role::Admin, "email"), []);
        assert_eq!(told(Role::User, "emaill"), one("errMsg_unknownField", "`emaill` is no field of ruled"));
        let offered = "`emaill` is no field of ruled, did you mean `email`?";
        assert_eq!(told(Role::Admin, "emaill"), one("errMsg_unknownField", offered));
        assert_eq!(told(Role::SuperAdmin, "_readers"), one("errMsg_unknownField", "`_readers` is no field of ruled"));
    }
}
