//! JSON of clients: a key that stands twice in an object is a fault, where `serde_json` would drop the first value. What
//! is asked is answered whole or not at all.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::faults::{Code, Faults, add_step, quoted, step};

/// Reads JSON that stands at `pointer`; every repeated key in it is a fault. An error is what is no JSON at all.
pub fn read(text: &[u8], pointer: &str, faults: &mut Faults) -> Result<Value, serde_json::Error> {
    let mut reading = Reading { at: pointer.to_owned(), faults };
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = (&mut reading).deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Where a reader stands, as a JSON pointer.
struct Reading<'a> {
    at: String,
    faults: &'a mut Faults,
}

impl Reading<'_> {
    /// Reads what stands one step further.
    fn inside<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let here = self.at.len();
        add_step(&mut self.at, key);
        let value = read(self);
        self.at.truncate(here);
        value
    }
}

impl<'de> DeserializeSeed<'de> for &mut Reading<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = self.inside(&all.len().to_string(), |inner| list.next_element_seed(inner))? {
            all.push(value);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = self.inside(&key, |inner| entries.next_value_seed(inner))?;
            match all.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(there) => {
                    let told = format!("{} stands there twice", quoted(there.key()));
                    self.faults.push(step(&self.at, there.key()), Code::InvalidShape, told);
                }
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(text: &str, pointer: &str) -> (Result<Value, String>, Vec<String>) {
        let mut faults = Faults::default();
        let read = read(text.as_bytes(), pointer, &mut faults).map_err(|error| error.to_string());
        (read, faults.listed().iter().map(|fault| format!("{} {}", fault.pointer, fault.message)).collect())
    }

    #[test]
    fn every_repeated_key_is_named_wherever_it_stands() {
        let text = r#"{"plies":{"gte":5},"plies":{"lte":9},"$or":[{"eco":"B"},{"a/b~":{"eq":1,"eq":1}}],"plies":1}"#;
        let (read, faults) = told(text, "/filters");
        let expected = [
            "/filters/$or/1/a~1b~0/eq `eq` stands there twice",
            "/filters/plies `plies` stands there twice",
            "/filters/plies `plies` stands there twice",
        ];
        let mut sorted = faults;
        sorted.sort();
        assert_eq!(sorted, expected);
        assert_eq!(read, Ok(json!({"plies": {"gte": 5}, "$or": [{"eco": "B"}, {"a/b~": {"eq": 1}}]})));
        // The same key by another spelling, and the same one elsewhere.
        assert_eq!(told(r#"{"eco":1,"\u0065co":2}"#, "").1, ["/eco `eco` stands there twice"]);
        assert!(told(r#"[{"eco":1},{"eco":{"eco":2}}]"#, "").1.is_empty());
    }

    #[test]
    fn what_is_no_json_is_an_error_as_before() {
        for bad in ["", "{", "{\"a\":}", "1 2", "[1,]", "{\"a\":1e999}", "\u{1}", &"[".repeat(200)] {
            let before = serde_json::from_str::<Value>(bad).unwrap_err().to_string();
            assert_eq!(told(bad, "").0, Err(before), "{bad}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((".{0,4}", inner), 0..6)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn json_without_repeated_keys_is_read_as_ever(value in json()) {
            let text = value.to_string();
            prop_assert_eq!(told(&text, ""), (Ok(serde_json::from_str(&text).unwrap()), Vec::new()));
        }
    }
}
