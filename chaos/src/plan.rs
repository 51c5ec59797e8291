//! The plan of faults that a seed makes. The faults are dealt like cards, so that each kind comes up in every round.

use std::fmt;
use std::time::Duration;

use stack::unit::{Server, Service, Unit};

use crate::random::Random;
use crate::rig::Target;

/// What is done to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// kill -9; its keeper starts it again.
    Kill(Target),
    /// It stands still for so many milliseconds.
    Hang(Target, u64),
    /// The event stream is deleted.
    DeleteStream,
    /// All its messages are.
    PurgeStream,
    /// So many of its last messages are deleted.
    CutTail(u64),
    /// A message in its middle is deleted.
    DeleteMiddle,
    /// NATS's store is put back to an older copy.
    OlderStore,
    /// One index is deleted; the number chooses which.
    DeleteIndex(usize),
    /// All of them are.
    DeleteIndexes,
}

/// One fault and the time before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Since the last one.
    pub after: Duration,
    /// What is done.
    pub fault: Fault,
}

/// All steps of a seed, without an end.
pub struct Plan {
    random: Random,
    hand: Vec<Fault>,
    rounds: u32,
}

const API: Target = Target::Unit(Unit::Service(Service::CommandApi));
const PROJECTOR: Target = Target::Unit(Unit::Service(Service::Projector));
const POSTGRES: Target = Target::Unit(Unit::Server(Server::Postgres));
const NATS: Target = Target::Unit(Unit::Server(Server::Nats));
const ELASTICSEARCH: Target = Target::Unit(Unit::Server(Server::Elasticsearch));

impl Plan {
    /// The plan of this seed.
    pub fn new(random: Random) -> Self {
        Self { random, hand: Vec::new(), rounds: 0 }
    }

    fn deal(&mut self) {
        let hang = |target, random: &mut Random| Fault::Hang(target, random.between(500, 5000));
        self.hand = vec![
            Fault::Kill(API),
            Fault::Kill(API),
            Fault::Kill(Target::OtherCommandApi),
            Fault::Kill(PROJECTOR),
            Fault::Kill(PROJECTOR),
            Fault::Kill(Target::OtherProjector),
            Fault::Kill(Target::OtherProjector),
            Fault::Kill(POSTGRES),
            Fault::Kill(POSTGRES),
            Fault::Kill(NATS),
            Fault::Kill(NATS),
            Fault::Kill(ELASTICSEARCH),
            hang(PROJECTOR, &mut self.random),
            hang(Target::OtherProjector, &mut self.random),
            hang(API, &mut self.random),
            hang(NATS, &mut self.random),
            hang(ELASTICSEARCH, &mut self.random),
            Fault::DeleteStream,
            Fault::PurgeStream,
            Fault::CutTail(self.random.between(1, 30)),
            Fault::DeleteMiddle,
            Fault::DeleteMiddle,
            Fault::OlderStore,
            Fault::OlderStore,
            Fault::DeleteIndex(self.random.below(1000)),
            Fault::DeleteIndex(self.random.below(1000)),
            Fault::DeleteIndexes,
        ];
        self.random.shuffle(&mut self.hand);
        self.rounds += 1;
        if self.rounds == 1 {
            self.bring_forward();
        }
    }

    /// A short run does not come to the end of its first round: every kind of fault on NATS stands at its beginning, with
    /// one of the others after each two.
    fn bring_forward(&mut self) {
        let (mut first, mut others) = (Vec::<Fault>::new(), Vec::new());
        for fault in self.hand.drain(..) {
            let new = fault.strikes_nats() && first.iter().all(|known| known.kind() != fault.kind());
            if new { first.push(fault) } else { others.push(fault) }
        }
        // The hand is dealt from its end.
        let mut dealt = Vec::new();
        for two in first.chunks(2) {
            dealt.extend_from_slice(two);
            dealt.extend(others.pop());
        }
        others.extend(dealt.into_iter().rev());
        self.hand = others;
    }
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.hand.is_empty() {
            self.deal();
        }
        // Mostly a pause in which something is written and folded; sometimes one fault right upon the other.
        let pause = if self.random.chance(250) { self.random.between(0, 200) } else { self.random.between(800, 4000) };
        Some(Step { after: Duration::from_millis(pause), fault: self.hand.pop()? })
    }
}

impl Fault {
    /// Its kind, for the report.
    pub fn kind(self) -> String {
        match self {
            Self::Kill(target) => format!("kill -9 {target}"),
            Self::Hang(target, _) => format!("stop and go on {target}"),
            Self::DeleteStream => "stream deleted".into(),
            Self::PurgeStream => "stream purged".into(),
            Self::CutTail(_) => "stream's last messages deleted".into(),
            Self::DeleteMiddle => "message deleted from the stream's middle".into(),
            Self::OlderStore => "stream's store put back to an older copy".into(),
            Self::DeleteIndex(_) => "one index deleted".into(),
            Self::DeleteIndexes => "all indexes deleted".into(),
        }
    }
}

impl Fault {
    /// Whether it is done to NATS, or to what NATS keeps.
    fn strikes_nats(self) -> bool {
        match self {
            Self::Kill(target) | Self::Hang(target, _) => target == NATS,
            Self::DeleteStream | Self::PurgeStream | Self::CutTail(_) | Self::DeleteMiddle | Self::OlderStore => true,
            Self::DeleteIndex(_) | Self::DeleteIndexes => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind())?;
        match self {
            Self::Hang(_, milliseconds) => write!(f, " for {milliseconds} ms"),
            Self::CutTail(count) => write!(f, " ({count})"),
            Self::Kill(_)
            | Self::DeleteStream
            | Self::PurgeStream
            | Self::DeleteMiddle
            | Self::OlderStore
            | Self::DeleteIndex(_)
            | Self::DeleteIndexes => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_repeats_its_plan_and_another_makes_another() {
        let steps = |seed| Plan::new(Random::new(seed)).take(60).collect::<Vec<_>>();
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }

    #[test]
    fn a_short_run_sees_every_kind_of_fault_on_nats() {
        let kinds = |faults: Vec<Fault>| -> BTreeSet<String> {
            faults.into_iter().filter(|fault| fault.strikes_nats()).map(Fault::kind).collect()
        };
        for seed in 0..20 {
            let steps = |count| Plan::new(Random::new(seed)).take(count).map(|step| step.fault).collect::<Vec<_>>();
            assert_eq!((kinds(steps(10)), kinds(steps(10)).len()), (kinds(steps(27)), 7));
        }
    }

    #[test]
    fn every_kind_of_fault_comes_in_every_round() {
        let mut plan = Plan::new(Random::new(3));
        plan.deal();
        let (count, all): (usize, BTreeSet<String>) = (plan.hand.len(), plan.hand.iter().map(|f| f.kind()).collect());
        let mut plan = Plan::new(Random::new(4));
        for _ in 0..3 {
            let round: BTreeSet<String> = plan.by_ref().take(count).map(|step| step.fault.kind()).collect();
            assert_eq!(round, all);
        }
    }
}
