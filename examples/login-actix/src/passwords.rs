//! Passwords, as hashes made by argon2id: nothing of sessions.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::accounts::Failure;

pub async fn hash(password: &str) -> Result<String, Failure> {
    let password = password.to_owned();
    let hashed = in_turn(move || Argon2::default().hash_password(password.as_bytes()));
    Ok(hashed.await??.to_string())
}

/// Whether this is the password of that hash. Without a hash it is not, and that takes as long.
pub async fn verify(password: &str, hash: Option<&str>) -> Result<bool, Failure> {
    let (password, against) = (password.to_owned(), hash.unwrap_or(NOBODYS).to_owned());
    let verified = in_turn(move || Argon2::default().verify_password(password.as_bytes(), &*against));
    Ok(verified.await?.is_ok() && hash.is_some())
}

/// Who may hash: it takes 19 MiB each, and a crowd at the door is not to take all memory.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Works where it holds up no other request.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let turn = TURNS.acquire().await?;
    let work_in_turn = move || {
        // It goes along: the work ends no sooner because nobody waits for it any more.
        let _turn = turn;
        work()
    };
    Ok(spawn_blocking(work_in_turn).await?)
}

const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2xvYWtyb29tLWRlY295$4WvZQ9rQ5b7H9dJpQm0c7W2ZrVhJm0u6w1pZf3t7b1A";
