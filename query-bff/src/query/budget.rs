//! How much one query may ask, checked before Elasticsearch is asked.

use super::faults::{Code, Faults};

/// Bytes of filter JSON.
pub const MAX_BYTES: usize = 32 * 1024;
/// Levels of `$and`, `$or` and `$not`; the outermost map is level 1.
pub const MAX_DEPTH: usize = 6;
/// Conditions: one operator on one field.
pub const MAX_LEAVES: usize = 64;
/// Values in all conditions together.
pub const MAX_VALUES: usize = 500;
/// Characters of a pattern (`prefix`, `contains`, `wildcard`, `regexp`).
pub const MAX_PATTERN: usize = 128;
/// Characters of searched text (`q`, `match`, `match_phrase`, `match_phrase_prefix`).
pub const MAX_TEXT: usize = 200;

/// What a query has used so far. Each limit is reported once, where it was passed.
#[derive(Default)]
pub struct Budget {
    leaves: usize,
    values: usize,
}

impl Budget {
    /// Counts a condition; false when there are too many.
    pub fn leaf(&mut self, pointer: &str, faults: &mut Faults) -> bool {
        self.leaves += 1;
        if self.leaves == MAX_LEAVES + 1 {
            faults.push(pointer, Code::OverBudget, format!("a query has at most {MAX_LEAVES} conditions"));
        }
        self.leaves <= MAX_LEAVES
    }

    /// Counts values; false when there are too many.
    pub fn values(&mut self, count: usize, pointer: &str, faults: &mut Faults) -> bool {
        let before = self.values;
        self.values = before.saturating_add(count);
        if before <= MAX_VALUES && self.values > MAX_VALUES {
            faults.push(pointer, Code::OverBudget, format!("a query has at most {MAX_VALUES} values"));
        }
        self.values <= MAX_VALUES
    }
}

/// Whether this level is allowed; reports it if not.
pub fn depth(level: usize, pointer: &str, faults: &mut Faults) -> bool {
    if level > MAX_DEPTH {
        faults.push(pointer, Code::OverBudget, format!("a query is at most {MAX_DEPTH} levels deep"));
    }
    level <= MAX_DEPTH
}

/// Whether filter JSON of this size is allowed; reports it if not.
pub fn bytes(length: usize, pointer: &str, faults: &mut Faults) -> bool {
    if length > MAX_BYTES {
        faults.push(pointer, Code::OverBudget, format!("filters are at most {MAX_BYTES} bytes, these are {length}"));
    }
    length <= MAX_BYTES
}
