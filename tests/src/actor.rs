//! Who asks: a person with a name and a token, or somebody without one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::servers::stack;
use crate::{Answer, App, eventually};

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Actor {
    /// Where he sends them.
    pub app: App,
    /// His user id; empty for a stranger.
    pub id: String,
    /// His name as others see it.
    pub name: String,
    /// His address; empty for guests and strangers.
    pub email: String,
    /// His token; empty for a stranger.
    pub token: String,
}

/// A request on its way.
pub struct Request {
    app: App,
    what: String,
    builder: reqwest::RequestBuilder,
}

impl Request {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Adds an idempotency key.
    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// A JSON body.
    pub fn json(mut self, body: &Value) -> Self {
        self.builder = self.builder.json(body);
        self
    }

    /// A body as it is.
    pub fn body(mut self, kind: &str, text: impl Into<String>) -> Self {
        self.builder = self.builder.header("Content-Type", kind).body(text.into());
        self
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let Self { app, what, builder } = self;
        let response = builder.send().await.unwrap_or_else(|error| panic!("{what}: no answer: {error:?}"));
        let answer = Answer::read(what, response).await;
        app.note(&answer);
        answer
    }

    /// Sends it; again, as clients are told to, while a server that is needed for the answer does not answer in time: on
    /// a busy machine that happens.
    pub async fn answered(self) -> Answer {
        let Self { app, what, builder } = self;
        eventually(&format!("{what} is answered"), async || {
            let builder = builder.try_clone().expect("a body that can be sent again");
            let answer = Self { app: app.clone(), what: what.clone(), builder }.send().await;
            let come_again = answer.status == 503 && answer.body["message"] == "errMsg_serviceUnavailable";
            (!come_again).then_some(answer)
        })
        .await
    }
}

impl App {
    /// Somebody without a token.
    pub fn stranger(&self) -> Actor {
        let empty = String::new;
        Actor { app: self.clone(), id: empty(), name: "a stranger".into(), email: empty(), token: empty() }
    }

    /// A fresh registered user, logged in. His address is his name with something that nobody else has.
    pub async fn user(&self, name: &str) -> Actor {
        let email = format!("{name}-{}@example.com", uuid::Uuid::now_v7().simple());
        let body = json!({"email": email, "password": PASSWORD, "fullname": name});
        self.stranger().post("/auth-api/v1/registeruser", &body).await.is(201);
        self.login(&email, PASSWORD).await
    }

    /// A fresh guest.
    pub async fn guest(&self) -> Actor {
        let session = self.stranger().post("/auth-api/v1/registerguest", &json!({})).await.is(201).clone();
        self.of_session(&session)
    }

    /// The superAdmin of the configuration.
    pub async fn admin(&self) -> Actor {
        let admin = &stack().super_admin;
        self.login(&admin.email, &admin.password).await
    }

    /// Logs in.
    pub async fn login(&self, email: &str, password: &str) -> Actor {
        let body = json!({"username": email, "password": password});
        let session = self.stranger().post("/auth-api/login", &body).await.is(200).clone();
        self.of_session(&session)
    }

    /// The owner of a session.
    pub fn of_session(&self, session: &Value) -> Actor {
        let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
        Actor {
            app: self.clone(),
            id: text("userId"),
            name: text("fullname"),
            email: text("email"),
            token: text("accessToken"),
        }
    }
}

impl Actor {
    /// The same person at another app (a second command-api of the same system).
    pub fn at(&self, app: &App) -> Self {
        Self { app: app.clone(), ..self.clone() }
    }

    /// The same person with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// A request to command-api; a path with `http` goes where it says.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.app.command_api) };
        let verb = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut builder = self.app.http.request(verb, url);
        if !self.token.is_empty() {
            builder = builder.bearer_auth(&self.token);
        }
        Request { app: self.app.clone(), what: format!("{}: {method} {path}", self.name), builder }
    }

    /// GET from command-api.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    /// POST to command-api.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).json(body).send().await
    }

    /// PATCH to command-api.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.request("PATCH", path).json(body).send().await
    }

    /// DELETE at command-api.
    pub async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path).send().await
    }
}
