//! Everything that is wrong with a request, collected for one answer.

use service::error::{ApiError, Fault};

/// What a fault is about. Its code is part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No such field in this view, or one that nobody may see.
    UnknownField,
    /// No such operator.
    UnknownOperator,
    /// The operator does not fit the field.
    OperatorNotAllowed,
    /// A value of another type or outside its bounds.
    InvalidValue,
    /// JSON of another shape than the grammar's.
    InvalidShape,
    /// More than a request may ask.
    OverBudget,
    /// No such query parameter.
    UnknownParameter,
    /// A query parameter or header with a bad value.
    InvalidParameter,
    /// A field that the role may not use.
    FieldNotAllowed,
}

impl Code {
    /// The code in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownField => "errMsg_unknownField",
            Self::UnknownOperator => "errMsg_unknownOperator",
            Self::OperatorNotAllowed => "errMsg_operatorNotAllowed",
            Self::InvalidValue => "errMsg_invalidValue",
            Self::InvalidShape => "errMsg_invalidShape",
            Self::OverBudget => "errMsg_overBudget",
            Self::UnknownParameter => "errMsg_unknownParameter",
            Self::InvalidParameter => "errMsg_invalidParameter",
            Self::FieldNotAllowed => "errMsg_fieldNotAllowed",
        }
    }
}

/// An answer lists at most this many; the rest is counted.
const MAX_LISTED: usize = 50;

/// The faults of one request.
#[derive(Default)]
pub struct Faults {
    listed: Vec<Fault>,
    unlisted: usize,
}

impl Faults {
    /// Notes a fault at a JSON pointer.
    pub fn push(&mut self, pointer: impl Into<String>, code: Code, message: impl Into<String>) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(Fault {
                pointer: pointer.into(),
                code: code.as_str().to_owned(),
                message: message.into(),
            });
        } else {
            self.unlisted += 1;
        }
    }

    /// Takes over the faults of a part: each at `pointer`, its sentence after `whose`.
    pub fn absorb(&mut self, part: Self, pointer: &str, whose: &str) {
        for fault in part.listed {
            let (pointer, message) = (format!("{pointer}{}", fault.pointer), format!("{whose}: {}", fault.message));
            if self.listed.len() < MAX_LISTED {
                self.listed.push(Fault { pointer, code: fault.code, message });
            } else {
                self.unlisted += 1;
            }
        }
        self.unlisted += part.unlisted;
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The faults so far.
    pub fn listed(&self) -> &[Fault] {
        &self.listed
    }

    /// One answer that lists them all, if there are any: 403 when all are about fields that the role may not use, else
    /// 400.
    pub fn into_result(mut self) -> Result<(), ApiError> {
        if self.listed.is_empty() {
            return Ok(());
        }
        let not_allowed = Code::FieldNotAllowed.as_str();
        let status = if self.listed.iter().all(|fault| fault.code == not_allowed) { 403 } else { 400 };
        if self.unlisted > 0 {
            let message = format!("{} more faults are not listed", self.unlisted);
            self.listed.push(Fault { pointer: String::new(), code: Code::OverBudget.as_str().to_owned(), message });
        }
        Err(ApiError::faults_as(status, self.listed))
    }
}

/// A JSON pointer one step further.
pub fn step(pointer: &str, key: &str) -> String {
    let mut further = pointer.to_owned();
    add_step(&mut further, key);
    further
}

/// Takes a JSON pointer one step further (RFC 6901, section 3).
pub fn add_step(pointer: &mut String, key: &str) {
    pointer.push('/');
    if key.contains(['~', '/']) {
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(key);
    }
}

/// What a client wrote, short enough for a message.
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(64).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{short}`")
}

/// `, did you mean ...` when one of the names is near.
pub fn did_you_mean<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> String {
    match nearest(wrong, names) {
        Some(name) => format!(", did you mean `{name}`?"),
        None => String::new(),
    }
}

/// The nearest name, if it is near enough to be what was meant.
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.chars().take(64).flat_map(char::to_lowercase).collect();
    let allowed = (wrong.len() / 3).clamp(1, 3);
    names
        .map(|name| (distance(&wrong, &name.chars().flat_map(char::to_lowercase).collect::<Vec<_>>()), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= allowed && *distance < wrong.len())
        .map(|(_, name)| name)
}

/// Edit distance: insertions, deletions, replacements.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        let names = || ["status", "createdAt", "playerWhiteId"].into_iter();
        assert_eq!(nearest("statsu", names()), Some("status"));
        assert_eq!(nearest("createdat", names()), Some("createdAt"));
        assert_eq!(nearest("playerWhiteID", names()), Some("playerWhiteId"));
        assert_eq!(nearest("password", names()), None);
        assert_eq!(nearest("", names()), None);
        assert_eq!(nearest("x", ["q"].into_iter()), None);
    }

    #[test]
    fn pointers_are_escaped() {
        assert_eq!(step("/filters", "a/b~c"), "/filters/a~1b~0c");
    }

    #[test]
    fn only_fields_of_other_roles_are_a_403_and_with_other_faults_one_400() {
        let mut faults = Faults::default();
        faults.push("/a", Code::FieldNotAllowed, "not yours");
        faults.push("/b", Code::FieldNotAllowed, "not yours");
        let error = std::mem::take(&mut faults).into_result().unwrap_err();
        assert_eq!((error.status(), error.code()), (403, "errMsg_fieldNotAllowed"));
        faults.push("/a", Code::FieldNotAllowed, "not yours");
        faults.push("/b", Code::UnknownField, "unknown");
        let error = faults.into_result().unwrap_err();
        assert_eq!((error.status(), error.body()["errors"].as_array().unwrap().len()), (400, 2));
    }

    #[test]
    fn the_faults_of_a_part_name_it() {
        let (mut faults, mut part) = (Faults::default(), Faults::default());
        part.push("/plies/gte", Code::UnknownField, "gone");
        faults.absorb(part, "/filter", "the saved filter `mine`");
        let fault = &faults.listed()[0];
        assert_eq!((&*fault.pointer, &*fault.message), ("/filter/plies/gte", "the saved filter `mine`: gone"));
        let mut many = Faults::default();
        (0..60).for_each(|n| many.push(format!("/{n}"), Code::UnknownField, "gone"));
        faults.absorb(many, "", "x");
        assert_eq!((faults.listed().len(), faults.unlisted), (MAX_LISTED, 11));
    }

    #[test]
    fn the_list_is_bounded() {
        let mut faults = Faults::default();
        for n in 0..200 {
            faults.push(format!("/{n}"), Code::UnknownField, "unknown");
        }
        assert_eq!(faults.listed().len(), MAX_LISTED);
        assert_eq!(faults.unlisted, 150);
    }
}
