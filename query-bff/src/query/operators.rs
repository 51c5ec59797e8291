//! The operators of filters: one table, read by the parser and printed by `/schema`.

use event_schema::object::Kind;

use crate::view::Column;

/// An operator. Names of both grammars stand in [`OPERATORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal, or missing.
    Ne,
    /// One of these.
    In,
    /// None of these, or missing.
    Nin,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// From the first to the second, both included; null leaves an end open.
    Between,
    /// Has a value.
    Exists,
    /// Has none.
    Missing,
    /// One of its values is this.
    Has,
    /// Starts with, without case.
    Prefix,
    /// Contains, without case.
    Contains,
    /// Fits a pattern of `*` and `?`, without case.
    Wildcard,
    /// Fits a regular expression as a whole.
    Regexp,
    /// Contains one of the words.
    Match,
    /// Contains the words next to each other.
    MatchPhrase,
    /// Contains the words next to each other, the last one as a prefix.
    MatchPhrasePrefix,
}

/// What an operator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// One value of the field's type.
    One,
    /// A list of such values.
    Many,
    /// Two such values.
    Pair,
    /// true or false; absent in the original form.
    Flag,
    /// A short pattern.
    Pattern,
    /// Words.
    Words,
}

/// Kinds of columns that share their operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Short and long text.
    Text,
    /// Text whose words are searched.
    Words,
    /// Ids and enums.
    Name,
    /// true or false.
    Flag,
    /// Numbers and dates.
    Ordered,
}

/// One row of the table.
pub struct Operator {
    /// Which.
    pub op: Op,
    /// Its names; the first is ours.
    pub names: &'static [&'static str],
    /// What it takes.
    pub operand: Operand,
    /// Where it applies.
    pub on: &'static [Family],
}

const fn row(op: Op, names: &'static [&'static str], operand: Operand, on: &'static [Family]) -> Operator {
    Operator { op, names, operand, on }
}

use Family::{Flag, Name, Ordered, Text, Words};

/// Every operator. A new one is a row here and an arm in the parser and the compiler.
pub const OPERATORS: &[Operator] = &[
    row(Op::Eq, &["eq"], Operand::One, &[Text, Name, Flag, Ordered]),
    row(Op::Ne, &["ne", "noteq"], Operand::One, &[Text, Name, Flag, Ordered]),
    row(Op::In, &["in"], Operand::Many, &[Text, Name, Flag, Ordered]),
    row(Op::Nin, &["nin"], Operand::Many, &[Text, Name, Flag, Ordered]),
    row(Op::Gt, &["gt"], Operand::One, &[Ordered]),
    row(Op::Gte, &["gte"], Operand::One, &[Ordered]),
    row(Op::Lt, &["lt"], Operand::One, &[Ordered]),
    row(Op::Lte, &["lte"], Operand::One, &[Ordered]),
    row(Op::Between, &["between", "range"], Operand::Pair, &[Ordered]),
    row(Op::Exists, &["exists"], Operand::Flag, &[Text, Name, Flag, Ordered]),
    row(Op::Missing, &["missing"], Operand::Flag, &[Text, Name, Flag, Ordered]),
    row(Op::Has, &["has"], Operand::One, &[Text, Name]),
    row(Op::Prefix, &["prefix"], Operand::Pattern, &[Text]),
    row(Op::Contains, &["contains"], Operand::Pattern, &[Text]),
    row(Op::Wildcard, &["wildcard"], Operand::Pattern, &[Text]),
    row(Op::Regexp, &["regexp"], Operand::Pattern, &[Text]),
    row(Op::Match, &["match"], Operand::Words, &[Words]),
    row(Op::MatchPhrase, &["match_phrase"], Operand::Words, &[Words]),
    row(Op::MatchPhrasePrefix, &["match_phrase_prefix"], Operand::Words, &[Words]),
];

/// The operator of that name.
pub fn by_name(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.names.contains(&name))
}

/// All names.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().flat_map(|operator| operator.names.iter().copied())
}

fn families(column: &Column) -> &'static [Family] {
    match column.kind {
        Kind::String | Kind::Text if column.searched => &[Text, Words],
        Kind::String | Kind::Text => &[Text],
        Kind::Id | Kind::Enum(_) => &[Name],
        Kind::Boolean => &[Flag],
        Kind::Integer | Kind::Double | Kind::Date => &[Ordered],
        Kind::Json => &[],
    }
}

/// Whether the operator may be used on the column.
pub fn allowed(operator: &Operator, column: &Column) -> bool {
    families(column).iter().any(|family| operator.on.contains(family))
}

/// The names of all operators that may be used on the column; none for JSON.
pub fn names_for(column: &Column) -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().filter(|operator| allowed(operator, column)).flat_map(|operator| operator.names.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_operator() {
        let all: Vec<_> = names().collect();
        for name in &all {
            assert_eq!(all.iter().filter(|other| other == &name).count(), 1, "{name}");
            assert!(by_name(name).is_some());
        }
    }
}
