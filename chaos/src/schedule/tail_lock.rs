//! Two appends at once, the first of which fails late: it has its position and waits for a lock that somebody holds, the
//! second one is through, and then the first one's connection dies.
//!
//! Under the tail's lock the second waits for the first, and takes the position that it gave back. Without it the first
//! one's position is gone for ever.

use std::time::Duration;

use stack::error::{Context, Error, Result};

use super::stage::{Stage, until};
use crate::hall::key;
use crate::oracle::Verdict;
use crate::rig::Options;

/// How long the second append may take to get through, if it can.
const CHANCE: Duration = Duration::from_secs(3);

/// The append function as the repository has it.
const FUNCTIONS: &str = include_str!("../../../sql/functions/2_append.sql");

/// What is replaced: the lock and the increment in one statement, held until the commit.
const LOCKED: &str =
    "update {schema}.log l set tail = l.tail + 1, recorded_at = greatest(l.recorded_at, clock_timestamp())
    returning l.tail, l.recorded_at into value, at;";
/// By what: a counter that no transaction holds, as a sequence is.
const UNLOCKED: &str = "select nextval('{schema}.chaos_positions'), clock_timestamp() into value, at;";
/// The look for a hole before it, which that counter makes.
const CHECKED: &str = "where value = 1 or exists (select 1 from {schema}.events e where e.position = value - 1)";
/// The function's end, after the effects.
const EFFECTS: &str = "    perform {schema}.apply_effects(at, _f_kind, _f_args);
  end if;
exception";
/// There the tail is brought up to date instead, just before the commit.
const CAUGHT_UP: &str = "    perform {schema}.apply_effects(at, _f_kind, _f_args);
  end if;
  update {schema}.log l set tail = greatest(l.tail, value);
exception";

/// The functions without the lock where one event is appended, as both commands of the schedule do.
fn unlocked() -> Result<String> {
    let mut text = FUNCTIONS.to_owned();
    for (old, new) in [(LOCKED, UNLOCKED), (CHECKED, ""), (EFFECTS, CAUGHT_UP)] {
        if text.matches(old).count() != 1 {
            return Err(Error::new(format!("sql/functions/2_append.sql does not have this once:\n{old}")));
        }
        text = text.replace(old, new);
    }
    Ok(text.replace("{schema}", "wechess"))
}

/// Runs the schedule.
pub async fn run(options: &Options, without: bool) -> Result<Verdict> {
    let mut stage = Stage::set(options).await?;
    let broken = || "PostgreSQL refuses the schedule".to_owned();
    let guest = stage.hall.guest("held").await.context(|| "no guest".into())?;
    if without {
        let next = stage.tail().await?;
        let sequence =
            format!("create sequence wechess.chaos_positions; select setval('wechess.chaos_positions', {next})");
        stage.owner.batch_execute(&sequence).await.context(broken)?;
        stage.owner.batch_execute(&unlocked()?).await.context(broken)?;
    }
    // An upgrade of a guest claims his e-mail address: after it has its position, before it commits.
    stage.owner.batch_execute("begin; lock table wechess.unique_keys in share mode").await.context(broken)?;
    let waits = "select pid from pg_stat_activity where application_name = 'wechess append' \
                 and wait_event_type = 'Lock' and wait_event = 'relation'";
    let script = async {
        let mut pid: i32 = 0;
        until("the first append waits", async || {
            let row = stage.admin.query_opt(waits, &[]).await.context(broken)?;
            pid = row.map_or(0, |row| row.get(0));
            Ok(pid != 0)
        })
        .await?;
        let mut second = std::pin::pin!(async {
            let key = key();
            stage.hall.send_move(&stage.game, "g1f3", &key).await
        });
        // In place of the guard: it gets through. With the guard: it waits.
        let through = tokio::time::timeout(CHANCE, &mut second).await;
        stage.admin.execute("select pg_terminate_backend($1)", &[&pid]).await.context(broken)?;
        stage.owner.batch_execute("rollback").await.context(broken)?;
        Ok::<_, Error>(match through {
            Ok(reply) => reply,
            Err(_) => second.await,
        })
    };
    let (first, second) = tokio::join!(stage.hall.registered("known", Some(&guest)), script);
    first.context(|| format!("the first append was not acknowledged: {:?}", stage.hall.findings()))?;
    let reply = second?;
    stage.hall.moved(&mut stage.game, "g1f3", reply);
    stage.judged(&[], Vec::new()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_can_be_taken_out_of_the_function_as_it_is() {
        let text = unlocked().unwrap();
        assert!(text.contains("chaos_positions") && !text.contains("{schema}"));
    }
}
