//! PostgreSQL: read off its own catalogs with each login; nothing is written.

use std::collections::HashMap;
use std::path::Path;

use super::{Check, Outcome};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::external;
use crate::unit::Server;

/// What the owner's login sees: name and whether it is so.
const OWNER: &str = "\
select 'version', current_setting('server_version_num')::int >= 150000
union all select 'durable', current_setting('fsync') = 'on' and current_setting('synchronous_commit') = 'on'
  and current_setting('full_page_writes') = 'on'
union all select 'utf8', current_setting('server_encoding') = 'UTF8'
union all select 'create', coalesce((select pg_has_role(n.nspowner, 'usage') from pg_namespace n where n.nspname = 'wechess'),
  has_database_privilege(current_database(), 'create'))
union all select 'roles', (select count(*) = 2 from pg_roles where rolname in ('wechess_command_api', 'wechess_projector'))
union all select 'migrated', exists (select from pg_namespace where nspname = 'wechess')";

/// What a service's login may do in the schema: one line for each privilege that it has.
const PRIVILEGES: &str = "\
with own as (select c.oid, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'wechess' and c.relkind = 'r')
select 'schema', 'there' from pg_namespace where nspname = 'wechess'
union all select 'superuser', 'yes' from pg_roles where rolname = current_user and rolsuper
union all select relname, p from own, unnest(array['select', 'insert', 'update', 'delete', 'truncate']) p
  where has_table_privilege(oid, p)
union all select 'append', 'execute' from pg_proc f join pg_namespace n on n.oid = f.pronamespace
  where n.nspname = 'wechess' and f.proname = 'append' and has_function_privilege(f.oid, 'execute')
  and has_schema_privilege(n.oid, 'usage')";

const NOT_MIGRATED: &str =
    "the schema is not there yet: `cargo dev up` (or `command-api migrate`) makes it; ask again then";

/// Whether the owner may log in.
pub fn reach(owner: &str, tools: &Path) -> Result<()> {
    Database::new(tools, owner)?.ask("select 1").map(drop)
}

pub fn all(database: &external::Database, tools: &Path) -> Vec<Check> {
    let mut checks = owner(&database.owner, tools);
    checks.extend(service("command-api", &database.command_api, tools, command_api));
    checks.extend(service("projector", &database.projector, tools, projector));
    checks
}

fn check(holds: bool, what: &str, remedy: &str) -> Check {
    Check::that(holds, Server::Postgres, what, remedy)
}

fn cannot_log_in(who: &str, error: &Error) -> Check {
    Check::new(Server::Postgres, format!("{who} can log in"), Outcome::Missing(error.to_string()))
}

fn owner(url: &str, tools: &Path) -> Vec<Check> {
    let said = match Database::new(tools, url).and_then(|login| login.ask(OWNER)) {
        Ok(said) => said,
        Err(error) => return vec![cannot_log_in("the owner", &error)],
    };
    let facts: HashMap<&str, bool> =
        said.lines().filter_map(|l| l.split_once('|')).map(|(k, v)| (k, v == "t")).collect();
    let is = |name| facts.get(name).copied().unwrap_or_default();
    vec![
        check(is("version"), "version 15 or newer", "use PostgreSQL 15 or newer"),
        check(
            is("durable"),
            "fsync, synchronous_commit and full_page_writes are on",
            "set them to `on`: else acknowledged events can be lost, and command-api does not start",
        ),
        check(is("utf8"), "the database's encoding is UTF8", "make the database with `encoding 'UTF8'`"),
        check(
            is("create"),
            "the owner may create in the schema `wechess`",
            "`grant create on database ... to` the owner, or make him the owner of the schema",
        ),
        check(
            is("roles"),
            "the roles wechess_command_api and wechess_projector exist",
            "`create role wechess_command_api login password '...'`, the same for wechess_projector",
        ),
    ]
}

/// The privileges of one login: table (or `append`, `superuser`, `schema`) and what it may do there.
type Privileges<'a> = Vec<(&'a str, &'a str)>;

fn service(who: &str, url: &str, tools: &Path, judge: fn(&Privileges<'_>) -> Vec<Check>) -> Vec<Check> {
    let said = match Database::new(tools, url).and_then(|login| login.ask(PRIVILEGES)) {
        Ok(said) => said,
        Err(error) => return vec![cannot_log_in(who, &error)],
    };
    let found: Privileges<'_> = said.lines().filter_map(|line| line.split_once('|')).collect();
    let mut checks = vec![check(
        !found.contains(&("superuser", "yes")),
        &format!("{who} is no superuser"),
        "give it a login of its own: nothing is refused to a superuser",
    )];
    if found.contains(&("schema", "there")) {
        checks.extend(judge(&found));
    } else {
        let what = format!("{who}'s privileges");
        checks.push(Check::new(Server::Postgres, what, Outcome::Later(NOT_MIGRATED.to_owned())));
    }
    checks
}

const WRITES: [&str; 4] = ["insert", "update", "delete", "truncate"];

fn command_api(found: &Privileges<'_>) -> Vec<Check> {
    const GRANT: &str = "log in as wechess_command_api, or grant that role to the login, and run `command-api migrate`";
    let has = |table, what| found.contains(&(table, what));
    let own = ["insert", "update", "delete"].iter().all(|what| has("sessions", what) && has("secrets", what));
    vec![
        check(has("append", "execute"), "command-api may execute the append function", GRANT),
        check(has("events", "select") && has("streams", "select"), "command-api reads events and state rows", GRANT),
        check(own, "command-api writes sessions and secrets", GRANT),
        check(
            !WRITES.iter().any(|what| has("events", what) || has("log", what) || has("streams", what)),
            "command-api may not write events, log or state rows by itself",
            "`revoke insert, update, delete, truncate on wechess.events, wechess.log, wechess.streams from` it, or give \
             it a login that is not the owner's",
        ),
    ]
}

fn projector(found: &Privileges<'_>) -> Vec<Check> {
    const READS: [&str; 3] = ["log", "events", "data_keys"];
    let has = |table, what| found.contains(&(table, what));
    let due = |name, what| matches!(name, "schema" | "superuser") || (READS.contains(&name) && what == "select");
    let more: Vec<String> = found
        .iter()
        .filter(|(name, what)| !due(*name, *what))
        .map(|(table, what)| format!("{what} on {table}"))
        .take(6)
        .collect();
    vec![
        check(
            READS.iter().all(|table| has(table, "select")),
            "projector reads log, events and data_keys",
            "log in as wechess_projector, or grant that role to the login, and run `command-api migrate`",
        ),
        check(
            more.is_empty(),
            "projector may do nothing else",
            &format!("revoke it, or give it a login of its own; it has {}", more.join(", ")),
        ),
    ]
}
