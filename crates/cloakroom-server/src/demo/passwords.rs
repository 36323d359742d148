//! Passwords, hashed with argon2id.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
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
}

impl Passwords {
    /// A new hash of this password, with its own salt, as text.
    ///
    /// # Errors
    ///
    /// [`Problem::Busy`] when no turn comes soon.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.in_turn(move || Ok(Argon2::default().hash_password(password.as_bytes())?.to_string()))
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
        self.in_turn(move || {
            let against = PasswordHash::new(hash.as_deref().unwrap_or(DECOY))?;
            match Argon2::default().verify_password(password.as_bytes(), &against) {
                Ok(()) => Ok(hash.is_some()),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, password_hash::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        // The turn goes along: when the client disconnects the hash is computed to its end all the same.
        let done = spawn_blocking(move || {
            let done = work();
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
        }
    }
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
