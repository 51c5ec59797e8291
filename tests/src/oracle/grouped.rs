//! Aggregates, made up over every column: groups, exact metrics, totals, in every order.

use std::sync::Arc;

use event_schema::object::Kind;
use proptest::prelude::*;
use proptest::sample::Index;
use query_bff::view::Column;
use serde_json::{Map, Value, json};

use super::Documents;
use super::generated::queries;

const INTERVALS: [&str; 6] = ["hour", "day", "week", "month", "quarter", "year"];
const ZONES: [&str; 3] = ["UTC", "Europe/Berlin", "Asia/Kathmandu"];

/// What decides about one part of a request.
type Picks = (Index, Index, u8);

/// Bodies of aggregates of a view, their filters and words those of lists. Percentiles are not in them: they are computed
/// from digests, which hang on the order in which documents come.
pub fn groupings(documents: &Documents) -> BoxedStrategy<Value> {
    let columns: Vec<&'static Column> = documents.view.columns_for(documents.asker.role).collect();
    let columns: Arc<Vec<&'static Column>> = Arc::new(columns.into_iter().filter(|column| column.sortable()).collect());
    let picks = |most| proptest::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 0..=most);
    (queries(documents), queries(documents), picks(3), picks(4), any::<u8>())
        .prop_map(move |(query, part, dimensions, metrics, bits)| {
            let dimensions: Vec<Value> = dimensions.iter().enumerate().map(|pick| dimension(&columns, pick)).collect();
            let metrics: Map<String, Value> =
                metrics.iter().enumerate().map(|pick| metric(&columns, &part.filters, pick)).collect();
            let mut body = json!({"filters": query.filters, "groupBy": dimensions, "missing": bits & 1 == 0,
                "totals": bits & 2 == 0, "limit": query.limit});
            let by = metrics.keys().next().filter(|_| bits.is_multiple_of(3)).cloned();
            if let Some(metric) = &by {
                body["orderBy"] = json!([{"metric": metric, "order": if bits & 4 == 0 { "asc" } else { "desc" }}]);
            }
            if let Some(q) = query.q {
                body["q"] = json!(q);
            }
            if !metrics.is_empty() {
                body["metrics"] = Value::Object(metrics);
            }
            body
        })
        .boxed()
}

fn dimension(columns: &[&'static Column], (place, (column, pick, twist)): (usize, &Picks)) -> Value {
    let column = column.get(columns);
    let (field, name) = (column.name.as_str(), format!("d{place}"));
    let number = matches!(column.kind, Kind::Integer | Kind::Double);
    if column.kind == Kind::Date && !twist.is_multiple_of(4) {
        let (interval, zone) = (INTERVALS[pick.index(INTERVALS.len())], ZONES[usize::from(twist % 3)]);
        return json!({"field": field, "name": name, "interval": interval, "timeZone": zone});
    }
    if number && column.companion_of.is_none() && twist.is_multiple_of(3) {
        let (cut, end) = (i64::from(twist % 8), i64::from(twist % 8 + 3));
        return json!({"field": field, "name": name, "ranges": [{"to": cut}, {"from": cut, "to": end}, {"from": end}]});
    }
    json!({"field": field, "name": name})
}

fn metric(columns: &[&'static Column], part: &Value, (place, (column, _, twist)): (usize, &Picks)) -> (String, Value) {
    let column = column.get(columns);
    let field = column.name.as_str();
    let number = matches!(column.kind, Kind::Integer | Kind::Double);
    let ordered = number || column.kind == Kind::Date;
    let metric = match twist % 6 {
        0 => json!({"count": true}),
        1 => json!({"ratio": {"of": part}}),
        2 if number => json!({"avg": field}),
        3 if number => json!({"sum": field}),
        4 if ordered => json!({"min": field}),
        5 if ordered => json!({"max": field}),
        _ => json!({"distinct": field}),
    };
    (format!("m{place}"), metric)
}
