//! Connections that ask and wait for their answers, as fast as these come.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use stack::error::{Context, Error, Result};

use crate::stats::Sorted;
use crate::wire::Wire;

/// A POST that is answered with 200.
#[derive(Clone)]
pub struct Asked {
    /// Of whom.
    pub url: String,
    /// Path and query.
    pub path: String,
    /// Who asks.
    pub authorization: String,
    /// The body.
    pub body: String,
}

impl Asked {
    /// Asks once.
    pub fn once(&self, wire: &mut Wire) -> Result<()> {
        let answer = wire.ask("POST", &self.path, &[("Authorization", &self.authorization)], &self.body)?;
        if answer.status == 200 { Ok(()) } else { Err(Error::new(format!("{} -> {}", self.path, answer.told()))) }
    }

    /// Asks once for JSON.
    pub fn json(&self, wire: &mut Wire) -> Result<Value> {
        let answer = wire.ask("POST", &self.path, &[("Authorization", &self.authorization)], &self.body)?;
        serde_json::from_slice(answer.body).context(|| answer.told())
    }
}

/// What readers were answered.
pub struct Read {
    /// Microseconds from sending to the answer.
    pub latencies: Sorted,
    time: Duration,
}

impl Read {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64().max(0.001)
    }
}

/// Lets so many connections ask for so long; `question` gives the one of a number, which is made before the clock
/// starts and comes again after 60 others at the latest.
pub fn read(connections: usize, limit: Duration, question: &dyn Fn(usize) -> Asked) -> Result<Read> {
    let questions: Vec<Asked> = (0..60).map(question).collect();
    let begun = Instant::now();
    let results: Vec<Result<Vec<u32>>> = thread::scope(|scope| {
        let questions = &questions;
        let one = move |place: usize| {
            let first = questions.first().context(|| "no questions".into())?;
            let (mut wire, mut latencies) = (Wire::open(&first.url)?, Vec::with_capacity(1 << 16));
            for asked in questions.iter().cycle().skip(place) {
                let sent = Instant::now();
                if sent.duration_since(begun) >= limit {
                    break;
                }
                asked.once(&mut wire)?;
                latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Ok(latencies)
        };
        let threads: Vec<_> = (0..connections).map(|place| scope.spawn(move || one(place))).collect();
        let broke = || Err(Error::new("a reader panicked"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broke())).collect()
    });
    let time = begun.elapsed();
    Ok(Read { latencies: Sorted::new(results.into_iter().collect::<Result<Vec<_>>>()?.concat()), time })
}
