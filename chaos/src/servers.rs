//! The three servers, looked at and maltreated with the admins' logins.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::Stream;
use chrono::{DateTime, Utc};
use event_schema::envelope::Recorded;
use event_schema::ids::CommandId;
use event_schema::names::Namespace;
use event_schema::object::hidden;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use serde_json::{Map, Value, json};
use service::SourceError;
use service::seal::{DataKey, KeyRing, MasterKey, open_event};
use stack::error::{Context, Error, Result};
use stack::status::Connections;
use tokio_postgres::{Client, NoTls, Row};
use uuid::Uuid;

use crate::check::log::StateRow;
use crate::check::stream::Window;
use crate::check::views::Found;

/// Rows and documents are read in pages of so many.
const PAGE: i64 = 5000;
/// No answer of a healthy server takes longer.
const ANSWER: Duration = Duration::from_secs(20);

/// A connection to PostgreSQL with the owner's login.
pub async fn owner(connections: &Connections) -> Result<Client> {
    let url = &connections.credentials.database_urls.owner;
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context(|| "PostgreSQL does not take the owner's login".into())?;
    tokio::spawn(connection);
    Ok(client)
}

/// The event stream, with the admin's login.
pub async fn stream(connections: &Connections) -> Result<Stream> {
    let login = &connections.credentials.nats.admin;
    let options = async_nats::ConnectOptions::with_user_and_password(login.user.clone(), login.password.clone());
    let connected = tokio::time::timeout(ANSWER, options.connect(&connections.nats)).await;
    let client = connected.context(|| "NATS does not answer".into())?.context(|| "NATS refuses the admin".into())?;
    let stream = async_nats::jetstream::new(client).get_stream(Namespace::default().events_stream()).await;
    stream.context(|| "the event stream cannot be looked at".into())
}

/// Deletes the event stream.
pub async fn delete_stream(connections: &Connections) -> Result<()> {
    let login = &connections.credentials.nats.admin;
    let options = async_nats::ConnectOptions::with_user_and_password(login.user.clone(), login.password.clone());
    let client = options.connect(&connections.nats).await.context(|| "NATS refuses the admin".into())?;
    let deleted = async_nats::jetstream::new(client).delete_stream(Namespace::default().events_stream()).await;
    deleted.map(|_| ()).context(|| "the event stream cannot be deleted".into())
}

/// A request to Elasticsearch with the admin's login; an error for anything but a 2xx.
pub async fn elasticsearch(connections: &Connections, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
    let login = &connections.credentials.elasticsearch.admin;
    let what = || format!("{method} {path} in Elasticsearch");
    let http = reqwest::Client::builder().timeout(ANSWER).no_proxy().build().context(what)?;
    let verb = reqwest::Method::from_bytes(method.as_bytes()).context(what)?;
    let mut request = http.request(verb, format!("{}{path}", connections.elasticsearch));
    request = request.basic_auth(&login.user, Some(&login.password));
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.context(what)?;
    let status = response.status();
    let text = response.text().await.context(what)?;
    if !status.is_success() {
        return Err(Error::new(format!("{}: {status} {text}", what())));
    }
    serde_json::from_str(&text).context(what)
}

/// The log: every event in the order of positions, the tail, the state rows.
pub async fn log(client: &Client) -> Result<(Vec<Recorded>, i64, Vec<StateRow>)> {
    let schema = Namespace::default().schema();
    let broken = || "the log cannot be read".to_owned();
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let last = events.last().map_or(i64::MIN, |event| event.position);
        let sql = format!("select * from {schema}.events where position > $1 order by position limit {PAGE}");
        let rows = client.query(&sql, &[&last]).await.context(broken)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            events.push(event(row).context(broken)?);
        }
    }
    let tail = client.query_one(&format!("select tail from {schema}.log"), &[]).await.context(broken)?.get(0);
    let rows = client.query(&format!("select stream_id, kind, version from {schema}.streams"), &[]).await;
    let states = rows.context(broken)?.iter().map(state).collect();
    Ok((events, tail, states))
}

fn state(row: &Row) -> StateRow {
    StateRow { stream: row.get(0), kind: row.get(1), version: row.get(2) }
}

fn event(row: &Row) -> Result<Recorded> {
    let text: &str = row.get("data");
    let recorded_at: DateTime<Utc> = row.get("recorded_at");
    Ok(Recorded {
        position: row.get("position"),
        stream_id: row.get("stream_id"),
        version: row.get("version"),
        category: row.get("category"),
        kind: row.get("type"),
        schema: row.get("schema"),
        command_id: CommandId(row.get("command_id")),
        ordinal: row.get("ordinal"),
        correlation_id: row.get("correlation_id"),
        causation_id: row.get("causation_id"),
        actor_id: row.get("actor_id"),
        recorded_at,
        data: serde_json::from_str(text)
            .context(|| format!("the data of position {}", row.get::<_, i64>("position")))?,
    })
}

/// The events with their personal fields opened, as views are made of them.
pub async fn opened(client: &Client, connections: &Connections, events: &[Recorded]) -> Result<Vec<Recorded>> {
    let master: MasterKey =
        connections.credentials.master_key.parse().context(|| "the master key of the stack is none".into())?;
    let sql = format!("select key_id, wrapped from {}.data_keys", Namespace::default().schema());
    let rows = client.query(&sql, &[]).await.context(|| "the data keys cannot be read".into())?;
    let wrapped = rows.iter().filter_map(|row| Some((row.get(0), row.get::<_, Option<Vec<u8>>>(1)?))).collect();
    let keys = Keys { master, wrapped };
    let mut events = events.to_vec();
    for event in &mut events {
        open_event(&keys, event).await.context(|| format!("position {} does not open", event.position))?;
    }
    Ok(events)
}

struct Keys {
    master: MasterKey,
    wrapped: BTreeMap<String, Vec<u8>>,
}

impl KeyRing for Keys {
    fn key(&self, key_id: &str) -> BoxFuture<'_, Result<Option<DataKey>, SourceError>> {
        let key = self.wrapped.get(key_id).map(|wrapped| self.master.unwrap_key(key_id, wrapped)).transpose();
        std::future::ready(key.map_err(|error| SourceError::new("a data key", error))).boxed()
    }
}

/// All messages of the event stream.
pub async fn window(connections: &Connections) -> Result<Window> {
    let broken = || "the event stream cannot be read".to_owned();
    let mut stream = stream(connections).await?;
    let state = stream.info().await.context(broken)?.state.clone();
    let mut window = Window { first: state.first_sequence, last: state.last_sequence, messages: BTreeMap::new() };
    if state.messages == 0 {
        return Ok(window);
    }
    let consumer = stream.create_consumer(OrderedConfig::default()).await.context(broken)?;
    let mut messages = consumer.messages().await.context(broken)?;
    while (window.messages.len() as u64) < state.messages {
        let next = tokio::time::timeout(ANSWER, messages.next()).await.context(broken)?;
        let message = next.context(broken)?.context(broken)?;
        let sequence = message.info().context(broken)?.stream_sequence;
        window.messages.insert(sequence, serde_json::from_slice(&message.payload).ok());
    }
    Ok(window)
}

/// The live documents of a view, as a search finds them.
pub async fn documents(connections: &Connections, view: &str) -> Result<BTreeMap<Uuid, Found>> {
    let path = format!("/{}/_search?allow_partial_search_results=false", Namespace::default().index(view));
    let mut found = BTreeMap::new();
    let mut after: Option<Value> = None;
    loop {
        let mut body = json!({
            "query": {"bool": {"filter": [{"term": {hidden::LIVE: true}}]}},
            "sort": [{"id": "asc"}], "size": PAGE, "version": true, "track_total_hits": false,
        });
        if let Some(after) = &after {
            body["search_after"] = after.clone();
        }
        let answer = elasticsearch(connections, "POST", &path, Some(&body)).await?;
        let hits = answer["hits"]["hits"].as_array().cloned().unwrap_or_default();
        let Some(last) = hits.last() else { return Ok(found) };
        after = Some(last["sort"].clone());
        for hit in &hits {
            let id = hit["_id"].as_str().and_then(|id| id.parse().ok());
            let id: Uuid = id.context(|| format!("{view} holds a live document called {}", hit["_id"]))?;
            let source: Map<String, Value> = hit["_source"].as_object().cloned().unwrap_or_default();
            found.insert(id, Found { version: hit["_version"].as_i64().unwrap_or(-1), source });
        }
    }
}

/// What a projector says of itself, if it does.
pub async fn projection(url: &str) -> Option<Value> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).no_proxy().build().ok()?;
    http.get(format!("{url}/admin/health")).send().await.ok()?.json().await.ok()
}
