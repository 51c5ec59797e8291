//! Password hashes: argon2id on a bounded number of threads.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{Semaphore, oneshot};

/// Memory (KiB), passes and lanes: OWASP's first recommendation for argon2id.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// How many may wait for a thread; more are told to come back.
const WAITING: usize = 256;

type Work = Box<dyn FnOnce() + Send>;

/// Hashes and checks passwords on threads of its own, one per core: the memory that a hash takes is taken once per
/// thread, however many log in. Cheap to clone; the threads end with the last clone.
#[derive(Clone)]
pub struct Passwords {
    work: mpsc::Sender<Work>,
    waiting: Arc<Semaphore>,
    /// The hash that is checked when there is no user: the answer takes as long.
    nobody: Arc<str>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash cannot be made.
    #[error("a password cannot be hashed: {0}")]
    Hash(String),
    /// The threads cannot be started.
    #[error("the password threads cannot be started")]
    Threads(#[from] std::io::Error),
    /// The process is stopping.
    #[error("the password threads are gone")]
    Gone,
}

/// As many threads as there are cores.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Bytes that hashing takes at most: those of one hash for each thread.
pub fn memory() -> u64 {
    u64::from(COST.0) * 1024 * threads() as u64
}

impl Passwords {
    /// With its threads started.
    pub fn new() -> Result<Self, PasswordError> {
        let nobody = hash("nobody has this password")?;
        let (work, next) = mpsc::channel::<Work>();
        let next = Arc::new(Mutex::new(next));
        for _ in 0..threads() {
            let next = Arc::clone(&next);
            std::thread::Builder::new().name("passwords".to_owned()).spawn(move || work_off(&next))?;
        }
        Ok(Self { work, waiting: Arc::new(Semaphore::new(WAITING)), nobody: nobody.into() })
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.on_a_thread(move || hash(&password)).await?
    }

    /// Whether this is the password of that hash; without a hash it takes as long and says no.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, PasswordError> {
        let known = stored.is_some();
        let (password, stored) = (password.to_owned(), stored.unwrap_or_else(|| self.nobody.to_string()));
        let fits = self.on_a_thread(move || matches(&password, &stored)).await?;
        Ok(fits && known)
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move || {
            // Who went away needs no hash.
            if !reply.is_closed() {
                drop(reply.send(work()));
            }
            drop(place);
        });
        self.work.send(work).map_err(|_| PasswordError::Gone)?;
        answer.await.map_err(|_| PasswordError::Gone)
    }
}

/// One thread: takes the next piece of work until nobody can send any.
fn work_off(next: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let work = next.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match work {
            Ok(work) => work(),
            Err(mpsc::RecvError) => return,
        }
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|e| PasswordError::Hash(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let hashed = argon2()?.hash_password(password.as_bytes()).map_err(|e| PasswordError::Hash(e.to_string()))?;
    Ok(hashed.to_string())
}

fn matches(password: &str, stored: &str) -> bool {
    argon2().is_ok_and(|argon| argon.verify_password(password.as_bytes(), stored).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new().unwrap();
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("battery staple", Some(stored)).await.unwrap());
        assert!(!passwords.verify("nobody has this password", None).await.unwrap());
    }
}
