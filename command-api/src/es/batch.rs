//! A batch of items as the arguments of the append functions.

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::item::{EventRow, Item, Write};

/// How many arguments `append_one` takes.
const ONE: usize = 14;
/// How many arguments `append` takes.
const ANY: usize = 18;

/// The statement that calls a function with so many arguments.
fn calling(columns: &str, function: &str, arguments: usize) -> String {
    let places: Vec<String> = (1..=arguments).map(|n| format!("${n}")).collect();
    format!("select {columns} from {function}({})", places.join(","))
}

/// The arguments of `append_one`, in its order: a batch of one item with one event on a stream that exists.
#[derive(Debug)]
pub struct One<'a> {
    item: &'a Item,
    write: &'a Write,
    event: &'a EventRow,
    effect_kind: Vec<&'static str>,
    effect_args: Vec<&'a str>,
}

impl<'a> One<'a> {
    /// Of this item, if it is such a one.
    pub fn of(item: &'a Item) -> Option<Self> {
        let [write] = &item.writes[..] else { return None };
        let [event] = &write.events[..] else { return None };
        (write.expected > 0).then(|| Self {
            item,
            write,
            event,
            effect_kind: item.effects.iter().map(|effect| effect.kind).collect(),
            effect_args: item.effects.iter().map(|effect| effect.args.as_str()).collect(),
        })
    }

    /// The statement that takes them.
    pub fn statement(schema: &str) -> String {
        calling("at, value", &format!("{schema}.append_one"), ONE)
    }

    /// The parameters of [`One::statement`].
    pub fn params(&self) -> [&(dyn ToSql + Sync); ONE] {
        let Self { item, write, event, effect_kind, effect_args } = self;
        [
            &item.command.0,
            &item.actor,
            &item.correlation,
            &item.causation,
            &write.stream,
            &write.expected,
            &write.state,
            &write.category,
            &event.kind,
            &event.schema,
            &event.data,
            &item.meta,
            effect_kind,
            effect_args,
        ]
    }
}

/// The arguments of `append`, in its order.
#[derive(Debug, Default)]
pub struct Arrays {
    command: Vec<Uuid>,
    actor: Vec<Uuid>,
    correlation: Vec<Uuid>,
    causation: Vec<Uuid>,
    write_item: Vec<i32>,
    stream: Vec<Uuid>,
    expected: Vec<i32>,
    state: Vec<String>,
    write_first: Vec<i32>,
    event_write: Vec<i32>,
    category: Vec<&'static str>,
    kind: Vec<String>,
    schema: Vec<i16>,
    data: Vec<String>,
    meta: Vec<Option<String>>,
    effect_item: Vec<i32>,
    effect_kind: Vec<&'static str>,
    effect_args: Vec<String>,
}

/// Array indexes of PostgreSQL begin at 1; a batch is far smaller than i32.
fn number(index: usize) -> i32 {
    i32::try_from(index + 1).unwrap_or(i32::MAX)
}

impl Arrays {
    /// The arrays of these items, in their order.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut arrays = Self::default();
        for (index, item) in items.into_iter().enumerate() {
            arrays.push(number(index), item);
        }
        arrays
    }

    fn push(&mut self, nth: i32, item: &Item) {
        self.command.push(item.command.0);
        self.actor.push(item.actor.unwrap_or(Uuid::nil()));
        self.correlation.push(item.correlation);
        self.causation.push(item.causation.unwrap_or(Uuid::nil()));
        let mut meta = item.meta.clone();
        for write in &item.writes {
            let write_number = number(self.stream.len());
            self.write_item.push(nth);
            self.stream.push(write.stream);
            self.expected.push(write.expected);
            self.state.push(write.state.clone());
            self.write_first.push(number(self.kind.len()));
            for event in &write.events {
                self.event_write.push(write_number);
                self.category.push(write.category);
                self.kind.push(event.kind.clone());
                self.schema.push(event.schema);
                self.data.push(event.data.clone());
                self.meta.push(meta.take());
            }
        }
        for effect in &item.effects {
            self.effect_item.push(nth);
            self.effect_kind.push(effect.kind);
            self.effect_args.push(effect.args.clone());
        }
    }

    /// The statement that takes them.
    pub fn statement(schema: &str) -> String {
        calling("at, outcome, value, detail", &format!("{schema}.append"), ANY)
    }

    /// The parameters of [`Arrays::statement`].
    pub fn params(&self) -> [&(dyn ToSql + Sync); ANY] {
        [
            &self.command,
            &self.actor,
            &self.correlation,
            &self.causation,
            &self.write_item,
            &self.stream,
            &self.expected,
            &self.state,
            &self.write_first,
            &self.event_write,
            &self.category,
            &self.kind,
            &self.schema,
            &self.data,
            &self.meta,
            &self.effect_item,
            &self.effect_kind,
            &self.effect_args,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_schema::ids::CommandId;

    fn write(stream: u128, events: usize) -> Write {
        let event = EventRow { kind: "T".into(), schema: 1, data: "{}".into() };
        Write {
            stream: Uuid::from_u128(stream),
            category: "c",
            expected: 0,
            state: "{}".into(),
            events: vec![event; events],
        }
    }

    fn item(writes: Vec<Write>) -> Item {
        let meta = Some("m".to_owned());
        let command = CommandId::new();
        Item {
            command,
            actor: None,
            correlation: command.0,
            causation: None,
            meta,
            writes,
            effects: vec![],
            claims: vec![],
        }
    }

    #[test]
    fn writes_and_events_point_at_their_owners_and_meta_stands_on_the_first_event() {
        let items = [item(vec![write(1, 2), write(2, 1)]), item(vec![write(3, 1)])];
        let arrays = Arrays::of(&items);
        assert_eq!(arrays.write_item, [1, 1, 2]);
        assert_eq!(arrays.write_first, [1, 3, 4]);
        assert_eq!(arrays.event_write, [1, 1, 2, 3]);
        assert_eq!(arrays.meta, [Some("m".to_owned()), None, None, Some("m".to_owned())]);
    }
}
