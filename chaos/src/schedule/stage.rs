//! Where a schedule plays: the system, two players with a game, and a projector whose servers are behind proxies.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stack::error::{Context, Error, Result};
use stack::status::Connections;
use stack::unit::{Service, Unit};
use tokio_postgres::{Client, NoTls};

use crate::finding::Finding;
use crate::hall::{Game, Hall, key};
use crate::oracle::{self, Verdict};
use crate::proxy::{Losses, Proxy};
use crate::random::Random;
use crate::rig::{Options, Rig, Target};
use crate::servers;

/// How long a condition of the script may take: generous, the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the system may take to settle at the end.
const SETTLING: Duration = Duration::from_secs(45);

/// The projector of the six.
const FIRST: Target = Target::Unit(Unit::Service(Service::Projector));

/// A stage.
pub struct Stage {
    /// The system. Its second projector reaches NATS and Elasticsearch through the proxies.
    pub rig: Rig,
    /// The writers' notes.
    pub hall: Hall,
    /// PostgreSQL with the owner's login.
    pub owner: Client,
    /// PostgreSQL with the superuser's login.
    pub admin: Client,
    /// Between the second projector and NATS.
    pub nats: Proxy,
    /// Between the second projector and Elasticsearch.
    pub elasticsearch: Proxy,
    /// A game with two moves.
    pub game: Game,
}

/// A proxy in front of the server at this URL.
pub fn proxy(url: &str) -> Result<Proxy> {
    let address = url.rsplit_once("//").map_or(url, |(_, rest)| rest);
    let target: SocketAddr = address.parse().context(|| format!("{url} has no address"))?;
    Proxy::start(vec![target], Losses::default(), Random::new(0))
}

impl Stage {
    /// Sets everything up and waits until it is settled.
    pub async fn set(options: &Options) -> Result<Self> {
        let mut proxies = None;
        let second = |connections: &Connections| {
            let (nats, elasticsearch) = (proxy(&connections.nats)?, proxy(&connections.elasticsearch)?);
            let variables = vec![
                ("WECHESS_NATS_URL".to_owned(), format!("nats://{}", nats.address)),
                ("WECHESS_ELASTICSEARCH_URL".to_owned(), format!("http://{}", elasticsearch.address)),
            ];
            proxies = Some((nats, elasticsearch));
            Ok(variables)
        };
        let rig = tokio::task::block_in_place(|| Rig::start(options, second))?;
        let (nats, elasticsearch) = proxies.context(|| "there are no proxies".into())?;
        let command_api = format!("http://{}", rig.address(Service::CommandApi)?);
        let hall = Hall::new(command_api, format!("http://{}", rig.address(Service::QueryBff)?))?;
        hall.client.stop();
        let owner = servers::owner(&rig.connections).await?;
        let admin = superuser(&rig.connections).await?;
        let game = begun(&hall).await.context(|| format!("no game could be begun: {:?}", hall.findings()))?;
        let stage = Self { rig, hall, owner, admin, nats, elasticsearch, game };
        stage.settled().await?;
        Ok(stage)
    }

    /// Plays a move of the game; it must be acknowledged.
    pub async fn play(&mut self, uci: &str) -> Result<()> {
        let reply = self.hall.send_move(&self.game, uci, &key()).await;
        let played = self.hall.moved(&mut self.game, uci, reply);
        if played { Ok(()) } else { Err(Error::new(format!("{uci} was not played: {:?}", self.hall.findings()))) }
    }

    /// The log's tail.
    pub async fn tail(&self) -> Result<i64> {
        let row = self.owner.query_one("select tail from wechess.log", &[]).await;
        Ok(row.context(|| "the log's tail cannot be read".into())?.get(0))
    }

    /// Waits until views and stream are at the log's tail.
    pub async fn settled(&self) -> Result<()> {
        let tail = self.tail().await?;
        let behind = oracle::settle(&self.rig, tail, PATIENCE).await;
        behind.first().map_or(Ok(()), |first| Err(Error::new(format!("the stage does not settle: {first}"))))
    }

    /// Makes the second projector, the one behind the proxies, the leader; the first one stands by again.
    pub async fn second_leads(&self) -> Result<()> {
        tokio::task::block_in_place(|| self.rig.keeper(FIRST).hold());
        self.leads(1).await?;
        self.rig.keeper(FIRST).release();
        tokio::task::block_in_place(|| self.rig.wait_ready(FIRST))?;
        self.settled().await
    }

    /// Ends the leader's connection, so that the first projector leads. The second one lives on.
    pub async fn first_takes_over(&self) -> Result<()> {
        let sql = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted";
        self.admin.batch_execute(sql).await.context(|| "the leader's connection cannot be ended".into())?;
        self.leads(0).await
    }

    async fn leads(&self, which: usize) -> Result<()> {
        let url = &self.rig.projectors()[which];
        until("the other projector leads", async || {
            let report = servers::projection(url).await;
            Ok(report.is_some_and(|report| report["info"]["role"] == "leader"))
        })
        .await
    }

    /// Waits until the event stream has the event at this position.
    pub async fn streamed(&self, position: i64) -> Result<()> {
        until("the event stream has the event", async || {
            let mut stream = servers::stream(&self.rig.connections).await?;
            let info = stream.info().await.context(|| "the stream does not answer".into())?;
            Ok(i64::try_from(info.state.last_sequence).is_ok_and(|last| last >= position))
        })
        .await
    }

    /// The end: everything settles and is compared; `found` is what the script saw on the way.
    pub async fn judged(self, deleted: &[u64], found: Vec<Finding>) -> Result<Verdict> {
        let deleted: BTreeSet<u64> = deleted.iter().copied().collect();
        let mut verdict = oracle::judge(&self.rig, &self.hall, &deleted, SETTLING).await?;
        verdict.findings.splice(0..0, found);
        tokio::task::block_in_place(|| self.rig.stop());
        Ok(verdict)
    }
}

async fn superuser(connections: &Connections) -> Result<Client> {
    let connected = tokio_postgres::connect(&connections.credentials.database_urls.admin, NoTls).await;
    let (client, connection) = connected.context(|| "PostgreSQL does not take the superuser's login".into())?;
    tokio::spawn(connection);
    Ok(client)
}

async fn begun(hall: &Hall) -> Option<Game> {
    let (white, black) = (hall.guest("white").await?, hall.guest("black").await?);
    let mut game = hall.create(&white, Some(&black)).await?;
    for uci in ["e2e4", "e7e5"] {
        let reply = hall.send_move(&game, uci, &key()).await;
        if !hall.moved(&mut game, uci, reply) {
            return None;
        }
    }
    Some(game)
}

/// Waits for a condition of somebody else's.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds().await? {
        if begun.elapsed() > PATIENCE {
            return Err(Error::new(format!("waited {} s in vain: {what}", PATIENCE.as_secs())));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
