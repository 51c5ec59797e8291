//! The servers without the services: for stories that look behind them or break something.

use event_schema::names::Namespace;
use serde_json::{Value, json};
use stack::status::Login;
use tokio_postgres::{Client, NoTls};

use crate::servers::stack;
use crate::{Actor, Answer, App};

/// A connection with the login in this URL.
pub async fn database(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("PostgreSQL takes the login");
    tokio::spawn(connection);
    client
}

/// A connection with the owner's login.
pub async fn owner() -> Client {
    database(&stack().credentials.database_urls.owner).await
}

/// The connection of [`shared`].
static SHARED: tokio::sync::OnceCell<Client> = tokio::sync::OnceCell::const_new();

/// A connection with the owner's login that everybody uses at once: for single queries, never for a transaction.
pub async fn shared() -> &'static Client {
    SHARED.get_or_init(owner).await
}

/// A connection to NATS with this login and the inbox prefix that it may use.
pub async fn nats(login: &Login) -> async_nats::Client {
    let options = async_nats::ConnectOptions::with_user_and_password(login.user.clone(), login.password.clone())
        .custom_inbox_prefix(format!("_INBOX_{}", login.user));
    options.connect(&stack().nats).await.expect("NATS takes the login")
}

/// JetStream with the admin's login.
pub async fn jetstream() -> async_nats::jetstream::Context {
    let login = &stack().credentials.nats.admin;
    // Where NATS runs elsewhere this is the projector's login, and bound to its inboxes.
    let options = async_nats::ConnectOptions::with_user_and_password(login.user.clone(), login.password.clone())
        .custom_inbox_prefix("_INBOX_projector");
    async_nats::jetstream::new(options.connect(&stack().nats).await.expect("NATS takes the login"))
}

/// A request to Elasticsearch with this login.
pub async fn elasticsearch(login: &Login, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let url = format!("{}{path}", stack().elasticsearch);
    let verb = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = reqwest::Client::new().request(verb, url).basic_auth(&login.user, Some(login.password.clone()));
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.expect("Elasticsearch answers");
    Answer::read(format!("{}: {method} {path}", login.user), response).await
}

/// A request to Elasticsearch with the admin's login.
pub async fn elasticsearch_admin(method: &str, path: &str, body: Option<&Value>) -> Answer {
    elasticsearch(&stack().credentials.elasticsearch.admin, method, path, body).await
}

/// Puts living documents that everybody reads into the index of a view, behind the projector's back: for stories that need
/// more of them than anybody could make in time.
pub async fn put_documents(app: &App, view: &str, documents: impl Iterator<Item = Value>) {
    let mut lines = String::new();
    for mut source in documents {
        let id = uuid::Uuid::now_v7();
        let hidden = json!({"id": id, "_live": true, "_readers": ["*"], "_position": 1});
        crate::chess::merge(&mut source, hidden);
        lines += &format!("{}\n{source}\n", json!({"index": {"_id": id}}));
    }
    bulk(app, view, lines).await;
}

/// Gives these fields to all documents of a view that an Elasticsearch query finds, behind the projector's back; how many
/// there were. Such a document must not change any more.
pub async fn overwrite(app: &App, view: &str, query: &Value, fields: &Value) -> usize {
    let path = format!("/{}/_search", app.namespace.index(view));
    let search = json!({"query": query, "size": 10_000, "_source": false});
    let found = elasticsearch_admin("POST", &path, Some(&search)).await;
    let hits = found.is(200)["hits"]["hits"].as_array().expect("hits");
    let line = |hit: &Value| format!("{}\n{}\n", json!({"update": {"_id": hit["_id"]}}), json!({"doc": fields}));
    bulk(app, view, hits.iter().map(line).collect()).await;
    hits.len()
}

/// Operations on the index of a view, each of which must be done.
async fn bulk(app: &App, view: &str, lines: String) {
    if lines.is_empty() {
        return;
    }
    let admin = &stack().credentials.elasticsearch.admin;
    let url = format!("{}/{}/_bulk?refresh=true", stack().elasticsearch, app.namespace.index(view));
    let request = reqwest::Client::new().post(url).basic_auth(&admin.user, Some(admin.password.clone()));
    let sent = request.header("Content-Type", "application/x-ndjson").body(lines).send();
    let answer = Answer::read(format!("bulk into {view}"), sent.await.expect("Elasticsearch answers")).await;
    assert_eq!(answer.is(200)["errors"], false, "{}", answer.text);
}

/// A namespace that nobody has yet.
pub fn fresh_namespace() -> Namespace {
    let unique = uuid::Uuid::now_v7().simple().to_string();
    format!("t{}", &unique[20..]).parse().expect("a namespace")
}

/// A namespace with its schema and nothing else.
pub async fn fresh_schema() -> Namespace {
    let namespace = fresh_namespace();
    let owner = stack().credentials.database_urls.owner.parse().expect("a database URL");
    command_api::es::migrate::migrate(&owner, &namespace).await.expect("the schema can be made");
    namespace
}

/// Removes what a system left: schema, stream, bucket, indexes.
pub async fn remove(namespace: &Namespace) {
    let schema = namespace.schema();
    owner().await.batch_execute(&format!("drop schema {schema} cascade")).await.expect("the schema can be dropped");
    let jetstream = jetstream().await;
    for stream in [namespace.events_stream(), format!("KV_{}", namespace.watermarks_bucket())] {
        // It may be gone already: that is what some stories are about.
        let _ = jetstream.delete_stream(stream).await;
    }
    let found = elasticsearch_admin("GET", &format!("/_cat/indices/{schema}_*?format=json"), None).await;
    for index in found.body.as_array().into_iter().flatten().filter_map(|index| index["index"].as_str()) {
        elasticsearch_admin("DELETE", &format!("/{index}"), None).await;
    }
}

/// Gives a user who has sent nothing yet the role of an admin, behind the service's back: no route does that.
pub async fn make_admin(user: &Actor) {
    let schema = user.app.namespace.schema();
    let sql = format!(
        "update {schema}.streams set state = replace(state, '\"roleId\":\"user\"', '\"roleId\":\"admin\"') \
         where stream_id = '{}'",
        user.id
    );
    assert_eq!(owner().await.execute(&sql, &[]).await.expect("the owner may do everything"), 1);
}

impl App {
    /// One number from this system's schema; `{s}` stands for its name.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = sql.replace("{s}", &self.namespace.schema());
        shared().await.query_one(&sql, &[]).await.expect("the query is right").get(0)
    }

    /// How many events a stream has.
    pub async fn events_of(&self, stream: &str) -> i64 {
        self.number(&format!("select count(*) from {{s}}.events where stream_id = '{stream}'")).await
    }
}
