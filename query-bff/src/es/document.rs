//! A document as it stands in an answer: its fields in place, their values as they are written there.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of a document, hidden ones included.
#[derive(Debug, Default)]
pub struct Document<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'a> Document<'a> {
    /// The value of a field. `at` is where the last one was found: fields come in the order in which they are asked for.
    pub fn value(&self, name: &str, at: &mut usize) -> Option<&'a RawValue> {
        let (before, behind) = self.0.split_at((*at).min(self.0.len()));
        let found = behind.iter().chain(before).position(|(known, _)| *known == name)?;
        let place = (*at + found) % self.0.len().max(1);
        *at = place + 1;
        self.0.get(place).map(|(_, value)| *value)
    }

    /// The value of a field, read.
    pub fn read<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.value(name, &mut 0)?.get()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Fields<'a> {
            type Value = Document<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a document")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::with_capacity(96);
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Document(all))
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}
