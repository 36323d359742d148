//! Passwords, hashed with argon2id.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{self, try_generate_salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::problem::Problem;

/// Hashes and verifies passwords, as many at a time as there are cores.
///
/// One hash takes 19 MiB and some 20 ms of a core, so that guessing is slow. The bound keeps a crowd at the
/// door from taking all memory.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    desks: Arc<Desks>,
}

impl Passwords {
    /// A new hash of this password, with its own salt, as text.
    ///
    /// # Errors
    ///
    /// [`Problem::Busy`] when no turn comes soon.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.in_turn(move |desk| {
            let (params, salt) = (Params::default(), Salt::new(&try_generate_salt()?)?);
            let hash = compute(&password, &salt, &params, desk)?;
            let hash = PasswordHash {
                algorithm: ALGORITHM.ident(),
                version: Some(VERSION.into()),
                params: ParamsString::try_from(&params)?,
                salt: Some(salt),
                hash: Some(hash),
            };
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether this is the password of that hash; without a hash it is not.
    ///
    /// Both take the same time: how long the answer takes must not tell whether a name has an account.
    ///
    /// # Errors
    ///
    /// [`Problem::Busy`] when no turn comes soon.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        self.in_turn(move |desk| {
            let against = PasswordHash::new(hash.as_deref().unwrap_or(DECOY))?;
            let (Some(salt), Some(expected)) = (against.salt, against.hash) else {
                return Err(password_hash::Error::PasswordInvalid);
            };
            if against.algorithm != ALGORITHM.ident() || against.version != Some(VERSION.into()) {
                return Err(password_hash::Error::Algorithm);
            }
            // Compares in constant time.
            let same = compute(&password, &salt, &Params::try_from(&against)?, desk)? == expected;
            Ok(same && hash.is_some())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Desk) -> Result<T, password_hash::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let desks = Arc::clone(&self.desks);
        // The turn goes along: when the client disconnects the hash is computed to its end all the same.
        let done = spawn_blocking(move || {
            let mut desk = desks.take();
            let done = work(&mut desk);
            desks.put_back(desk);
            drop(turn);
            done
        });
        done.await.map_err(Problem::internal)?.map_err(Problem::internal)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        turn.map_err(|_| Problem::Busy)?.map_err(Problem::internal)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            turns: Arc::new(Semaphore::new(cores)),
            desks: Arc::default(),
        }
    }
}

/// The memory that one hash is computed in.
type Desk = Vec<Block>;

/// The memory that nobody computes in at the moment, kept for the next turn.
///
/// Given back to the allocator, it would not be found again: glibc finds another place for almost every block of
/// this size and alignment, and a few dozen guesses take a gigabyte.
#[derive(Default)]
struct Desks(Mutex<Vec<Desk>>);

impl Desks {
    fn take(&self) -> Desk {
        self.free().pop().unwrap_or_default()
    }

    fn put_back(&self, desk: Desk) {
        self.free().push(desk);
    }

    fn free(&self) -> MutexGuard<'_, Vec<Desk>> {
        // Nothing that panics runs while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Desks {
    /// What lies on them was made of passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desks(..)")
    }
}

const ALGORITHM: Algorithm = Algorithm::Argon2id;
const VERSION: Version = Version::V0x13;

fn compute(
    password: &str,
    salt: &Salt,
    params: &Params,
    desk: &mut Desk,
) -> Result<Output, password_hash::Error> {
    desk.resize(params.block_count(), Block::new());
    let mut hash = [0; Output::MAX_LENGTH];
    let hash = hash
        .get_mut(..params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))
        .ok_or(password_hash::Error::OutputSize)?;
    Argon2::new(ALGORITHM, VERSION, params.clone()).hash_password_into_with_memory(
        password.as_bytes(),
        salt,
        hash,
        desk,
    )?;
    Ok(Output::new(hash)?)
}

/// How long to wait for a turn before saying that we are busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// A hash of nobody's password, with the parameters that new hashes get.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2xvYWtyb29tLWRlY295$4WvZQ9rQ5b7H9dJpQm0c7W2ZrVhJm0u6w1pZf3t7b1A";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        for (password, hash, expected) in [
            ("correct horse", Some(&hash), true),
            ("Correct horse", Some(&hash), false),
            ("", Some(&hash), false),
            ("correct horse", None, false),
        ] {
            let verified = passwords
                .verify(password.to_owned(), hash.cloned())
                .await
                .unwrap();
            assert_eq!(verified, expected, "{password:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_crowd_at_the_door_does_not_take_all_memory() {
        let passwords = Passwords::default();
        let before = resident_mib();
        for _ in 0..40 {
            passwords.verify("guess".to_owned(), None).await.unwrap();
        }
        let more = resident_mib().saturating_sub(before);
        assert!(more < 200, "{more} MiB more after 40 hashes, of 19 MiB each");
    }

    #[cfg(target_os = "linux")]
    fn resident_mib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse::<u64>().unwrap() / 1024
    }

    #[tokio::test]
    async fn hashes_are_those_of_everybody_else() {
        use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

        let passwords = Passwords::default();
        let ours = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(
            Argon2::default()
                .verify_password(b"correct horse", &*ours)
                .is_ok()
        );
        let theirs = Argon2::default()
            .hash_password(b"correct horse")
            .unwrap()
            .to_string();
        assert!(
            passwords
                .verify("correct horse".to_owned(), Some(theirs))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn the_decoy_costs_what_a_real_hash_costs() {
        let real = Passwords::default()
            .hash("correct horse".to_owned())
            .await
            .unwrap();
        let (real, decoy) = (
            PasswordHash::new(&real).unwrap(),
            PasswordHash::new(DECOY).unwrap(),
        );
        assert_eq!(decoy.algorithm, real.algorithm);
        assert_eq!(decoy.version, real.version);
        assert_eq!(decoy.params, real.params);
        assert_eq!(
            decoy.hash.map(|hash| hash.len()),
            real.hash.map(|hash| hash.len())
        );
    }
}
