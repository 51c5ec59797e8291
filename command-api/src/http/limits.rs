//! Rate limits: how often one address or one user may call what can be abused. Never on moves.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use service::ApiError;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::RateLimits;

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Those of an address.
    Address,
    /// Those of a logged-in user.
    User,
}

/// A limit: so many at once, so many a minute in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is counted together.
    pub name: &'static str,
    /// Whose.
    pub by: By,
    /// At once.
    pub burst: NonZeroU32,
    /// In the long run.
    pub per_minute: NonZeroU32,
}

const fn limit(name: &'static str, by: By, burst: u32, per_minute: u32) -> Limit {
    let (Some(burst), Some(per_minute)) = (NonZeroU32::new(burst), NonZeroU32::new(per_minute)) else {
        panic!("a limit lets something pass");
    };
    Limit { name, by, burst, per_minute }
}

/// Logins, by address: each costs a password hash.
pub const LOGIN: Limit = limit("login", By::Address, 20, 20);
/// New accounts and guests, by address.
pub const REGISTER: Limit = limit("register", By::Address, 20, 10);
/// Invitation codes that a user tries.
pub const CODES: Limit = limit("invitationCode", By::User, 20, 20);
/// What a user says in the rooms of games.
pub const MESSAGES: Limit = limit("messages", By::User, 30, 60);
/// All of them.
const ALL: &[Limit] = &[LOGIN, REGISTER, CODES, MESSAGES];

type Limiter = RateLimiter<String, DefaultKeyedStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// The counters of this process.
pub struct Limits {
    setting: RateLimits,
    limiters: HashMap<&'static str, Limiter>,
}

/// A request that a limit let pass.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    limit: Limit,
    remaining: u32,
}

impl Limits {
    /// Nobody has called yet.
    pub fn new(setting: RateLimits) -> Self {
        let limiter = |limit: &Limit| {
            let quota = Quota::per_minute(limit.per_minute).allow_burst(limit.burst);
            (limit.name, RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>())
        };
        Self { setting, limiters: ALL.iter().map(limiter).collect() }
    }

    /// Counts a call of `key`; 429 with `Retry-After` when it is one too many.
    pub fn check(&self, limit: Limit, peer: Option<IpAddr>, key: &str) -> Result<Allowed, ApiError> {
        let local = peer.is_some_and(|ip| ip.is_loopback()) && self.setting == RateLimits::LoopbackOff;
        let Some(limiter) = self.limiters.get(limit.name).filter(|_| !local) else {
            return Ok(Allowed { limit, remaining: limit.burst.get() });
        };
        match limiter.check_key(&key.to_owned()) {
            Ok(state) => Ok(Allowed { limit, remaining: state.remaining_burst_capacity() }),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
                let told = format!("too many requests (`{}`); try again in {wait} s", limit.name);
                metrics::counter!("wechess_rate_limited", "limit" => limit.name).increment(1);
                Err(ApiError::new(429, "errMsg_TooManyRequests", told).retry_after(wait))
            }
        }
    }
}

/// Tells a client what is left.
pub fn show(response: &mut HttpResponse, allowed: Allowed) {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("ratelimit-limit"), HeaderValue::from(allowed.limit.burst.get()));
    headers.insert(HeaderName::from_static("ratelimit-remaining"), HeaderValue::from(allowed.remaining));
    headers.insert(
        HeaderName::from_static("ratelimit-reset"),
        HeaderValue::from(60 / allowed.limit.per_minute.get().min(60)),
    );
}

/// Forgets who has not called for long: memory stays bounded by who calls now.
pub fn forget_idle(app: &Arc<App>) -> JoinHandle<()> {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let mut minutes = tokio::time::interval(Duration::from_secs(60));
        loop {
            minutes.tick().await;
            app.limits.limiters.values().for_each(RateLimiter::retain_recent);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_told_when_to_come_back() {
        let limits = Limits::new(RateLimits::LoopbackOff);
        let far: Option<IpAddr> = "203.0.113.7".parse().ok();
        for _ in 0..LOGIN.burst.get() {
            limits.check(LOGIN, far, "203.0.113.7").unwrap();
        }
        let refused = limits.check(LOGIN, far, "203.0.113.7").unwrap_err();
        assert_eq!((refused.status(), refused.code()), (429, "errMsg_TooManyRequests"));
        assert!(limits.check(LOGIN, far, "203.0.113.8").is_ok());
    }

    #[test]
    fn a_user_is_counted_whatever_his_address() {
        let limits = Limits::new(RateLimits::On);
        let mut from = (0..MESSAGES.burst.get()).map(|n| IpAddr::from([203, 0, 113, n as u8]));
        assert!(from.by_ref().all(|address| limits.check(MESSAGES, Some(address), "ann").is_ok()));
        assert_eq!(limits.check(MESSAGES, None, "ann").unwrap_err().status(), 429);
        assert!(limits.check(MESSAGES, None, "bob").is_ok());
    }

    #[test]
    fn loopback_is_free_only_where_it_is_said() {
        let local: Option<IpAddr> = "127.0.0.1".parse().ok();
        let count = |limits: &Limits| (0..100).filter(|_| limits.check(REGISTER, local, "127.0.0.1").is_ok()).count();
        assert_eq!(count(&Limits::new(RateLimits::LoopbackOff)), 100);
        assert_eq!(count(&Limits::new(RateLimits::On)), REGISTER.burst.get() as usize);
    }
}
