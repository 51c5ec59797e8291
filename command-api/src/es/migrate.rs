//! `command-api migrate`: brings the schema to this program's version with the owner's login.

use event_schema::names::Namespace;
use tokio_postgres::NoTls;

/// Numbered, applied once, in order. Never edited after a release.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_log", include_str!("../../../sql/migrations/0001_log.sql")),
    ("0002_effects", include_str!("../../../sql/migrations/0002_effects.sql")),
    ("0003_lists", include_str!("../../../sql/migrations/0003_lists.sql")),
];

/// Replaced at every run, after the migrations; the grants last.
const ALWAYS: &[&str] = &[
    include_str!("../../../sql/functions/1_effects.sql"),
    include_str!("../../../sql/functions/2_append.sql"),
    include_str!("../../../sql/grants.sql"),
];

/// The schema version that this program needs.
pub fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// The schema could not be brought up to date; nothing of the failed run stays.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// PostgreSQL refused or did not answer.
    #[error("migration failed")]
    Database(#[from] tokio_postgres::Error),
    /// The database is ahead of this program.
    #[error("the database has schema version {0}, newer than this program's {1}: use the newer program")]
    Newer(i32, i32),
}

/// Applies what is missing, in one transaction, one process at a time. Returns the names of what was applied.
pub async fn migrate(owner: &tokio_postgres::Config, namespace: &Namespace) -> Result<Vec<&'static str>, MigrateError> {
    let (mut client, connection) = owner.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    let schema = namespace.schema();
    let transaction = client.transaction().await?;
    transaction.execute("select pg_advisory_xact_lock(hashtext($1))", &[&format!("{schema}.migrate")]).await?;
    transaction
        .batch_execute(&format!(
            "create schema if not exists {schema};
             create table if not exists {schema}.migrations (version int primary key, name text not null,
                 applied_at timestamptz not null default clock_timestamp());"
        ))
        .await?;
    let row = transaction.query_one(&format!("select coalesce(max(version), 0) from {schema}.migrations"), &[]).await?;
    let current: i32 = row.try_get(0)?;
    if current > newest() {
        return Err(MigrateError::Newer(current, newest()));
    }
    let mut applied = Vec::new();
    for (version, (name, sql)) in (1i32..).zip(MIGRATIONS).filter(|(version, _)| *version > current) {
        transaction.batch_execute(&sql.replace("{schema}", &schema)).await?;
        let record = format!("insert into {schema}.migrations (version, name) values ($1, $2)");
        transaction.execute(&record, &[&version, name]).await?;
        applied.push(*name);
    }
    for sql in ALWAYS {
        transaction.batch_execute(&sql.replace("{schema}", &schema)).await?;
    }
    transaction.commit().await?;
    drop(client);
    driver.abort();
    Ok(applied)
}
