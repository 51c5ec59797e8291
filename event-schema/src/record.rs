//! Objects that only say "this is the value now" or "it is gone": declared by a table, a type and one row of words.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::event::DomainEvent;
use crate::object::Object;
use crate::stored::{DataObject, Readers, Whole};

/// The value of such an object.
pub trait Record: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its table.
    const TABLE: &'static Object;
    /// What it is a part of.
    const WHOLE: Option<&'static Whole> = None;
    /// Its events.
    type Event: RecordEvent<Value = Self>;
    /// Who may read the object with this id now.
    fn readers(&self, id: Uuid) -> Readers;
}

/// The events of a record.
pub trait RecordEvent: DomainEvent {
    /// The record.
    type Value;
    /// This is the value now.
    fn saved(value: Self::Value) -> Self;
    /// This is the value now, and it was another before.
    fn changed(value: Self::Value) -> Self {
        Self::saved(value)
    }
    /// It is gone.
    fn deleted() -> Self;
    /// The value that it says; none when it is gone.
    fn value(&self) -> Option<&Self::Value>;
}

impl<R: Record> DataObject for R {
    const TABLE: &'static Object = <R as Record>::TABLE;
    const WHOLE: Option<&'static Whole> = <R as Record>::WHOLE;
    type Event = <R as Record>::Event;

    fn begin(event: &Self::Event) -> Option<Self> {
        event.value().cloned()
    }

    fn evolve(&mut self, event: &Self::Event) {
        if let Some(value) = event.value() {
            self.clone_from(value);
        }
    }

    fn deletes(event: &Self::Event) -> bool {
        event.value().is_none()
    }

    fn readers(&self, id: Uuid) -> Readers {
        Record::readers(self, id)
    }
}

/// Declares the events of a record: `Events of Type in "category": Saved, Deleted`, or `Saved then Changed, Deleted` where
/// a change has a word of its own. The words are stored: past tense, never renamed. A changed shape needs an enum written
/// out, with its upcaster.
macro_rules! record_events {
    ($events:ident of $value:ident in $category:literal: $saved:ident $(then $changed:ident)?, $deleted:ident) => {
        #[doc = concat!("Stored: what happens to a `", $category, "`.")]
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum $events {
            /// This is the value now.
            $saved($value),
            $(
                /// This is the value now, and it was another before.
                $changed($value),
            )?
            /// It is gone.
            $deleted {},
        }

        impl $crate::event::DomainEvent for $events {
            const CATEGORY: &'static str = $category;
            fn schema(_: &str) -> i16 {
                1
            }
            fn upcast(_: &str, _: i16, data: serde_json::Value) -> serde_json::Value {
                data
            }
        }

        impl $crate::record::RecordEvent for $events {
            type Value = $value;
            fn saved(value: $value) -> Self {
                Self::$saved(value)
            }
            $(
                fn changed(value: $value) -> Self {
                    Self::$changed(value)
                }
            )?
            fn deleted() -> Self {
                Self::$deleted {}
            }
            fn value(&self) -> Option<&$value> {
                match self {
                    Self::$saved(value) $(| Self::$changed(value))? => Some(value),
                    Self::$deleted {} => None,
                }
            }
        }
    };
}

pub(crate) use record_events;
