//! How an application finds its users: a trait of theirs, held by the type of the user it finds.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloakroom_store::Principal;

use crate::lifecycle::Why;

/// Finds the user for who is signed in: implemented by the application, and given to [`Sessions::users`](crate::Sessions::users).
///
/// ```
/// # #[cfg(feature = "memory")]
/// # mod app {
/// use cloakroom::store::Principal;
/// use cloakroom::{Sessions, Users, stores::Memory};
/// # struct Database;
/// # impl Database { async fn account(&self, id: &str) -> Result<Option<Account>, std::io::Error> { Ok(None) } }
///
/// struct Account {
///     name: String,
///     disabled: bool,
///     password_hash: String,
/// }
///
/// struct Accounts(Database);
///
/// impl Users for Accounts {
///     type User = Account;
///     type Error = std::io::Error;
///
///     async fn find(&self, principal: &Principal) -> Result<Option<Account>, std::io::Error> {
///         let account = self.0.account(principal.as_str()).await?;
///         Ok(account.filter(|account| !account.disabled))
///     }
///
///     fn credentials<'a>(&self, account: &'a Account) -> Option<&'a [u8]> {
///         Some(account.password_hash.as_bytes())
///     }
/// }
///
/// # fn f(database: Database) {
/// let sessions = Sessions::new(Memory::default()).users(Accounts(database));
/// # }
/// # }
/// ```
pub trait Users: Send + Sync + 'static {
    /// A user, as the application knows them.
    type User: Send + Sync + 'static;
    /// Why nobody can say who it is: the database is down, say.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// The user with this id; `None` when there is no such user any more, or none who may be signed in: disabled, banned.
    /// Their session ends then.
    ///
    /// Called only when a handler asks for the user, and once per request where it answers. A [`Guard`](crate::Guard::user) calls it
    /// each time that it asks: every 5 seconds for each connection, unless told otherwise.
    ///
    /// # Errors
    ///
    /// When it cannot be known. The request is a 503, and nobody is signed out.
    fn find(
        &self,
        principal: &Principal,
    ) -> impl Future<Output = Result<Option<Self::User>, Self::Error>> + Send;

    /// What the user shows who they are with, as it is kept: the hash of the password, say. A session that was signed in
    /// with other [credentials](crate::SignIn::credentials) ends: so a change of the password ends them all, where a store can
    /// list them and where not.
    ///
    /// By default there are none, as of users who sign in with somebody else's word.
    ///
    /// **Whoever answers some has to give them to each sign-in, too**, with [`SignIn::credentials`](crate::SignIn::credentials).
    /// A session that was signed in without any ends at the first look-up, for nobody can say that the password is still the
    /// same: to its user, signing in seems not to work. The log then has a warning that names the missing call, and subscribers hear
    /// [`Why::WithoutCredentials`](crate::Why::WithoutCredentials). An application that begins to answer some signs out who was
    /// signed in before, once.
    ///
    /// So it is the other way round: a session that was signed in with some ends where its user has none any more, because the
    /// password was taken away, and nobody should stay signed in with it. Of an application that gives them to its sign-ins
    /// and does not answer them here that is every session: it is warned of, too
    /// ([`Why::CredentialsGone`](crate::Why::CredentialsGone)). Given [`Users`] for several types, all of them answer the same.
    fn credentials<'a>(&self, user: &'a Self::User) -> Option<&'a [u8]> {
        let _ = user;
        None
    }
}

/// A user, whatever their type is.
pub(crate) type AnyUser = Arc<dyn Any + Send + Sync>;

/// The user, or why the session is over: there is none any more, or not one with whose credentials it was signed in.
pub(crate) type Lookup = Result<AnyUser, Why>;

/// Why nobody can say who it is.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

type Looking<'a> = Pin<Box<dyn Future<Output = Result<Lookup, Cause>> + Send + 'a>>;

/// Whether a session was signed in with what its user has for credentials, and if not, why it is over.
type Compare<'a> = &'a (dyn Fn(Option<&[u8]>) -> Result<(), Why> + Send + Sync);

/// The [`Users`] of an application, one for each type of user.
#[derive(Clone, Default)]
pub(crate) struct Registry(HashMap<TypeId, Arc<dyn Finder>>);

impl Registry {
    /// Adds one, in place of another that finds users of the same type.
    pub(crate) fn add<U: Users>(&mut self, users: U) {
        self.0.insert(TypeId::of::<U::User>(), Arc::new(users));
    }

    /// What finds users of this type.
    pub(crate) fn finder<T: 'static>(&self) -> Option<&dyn Finder> {
        self.0.get(&TypeId::of::<T>()).map(|finder| &**finder)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({})", self.0.len())
    }
}

/// [`Users`] whose type is forgotten.
pub(crate) trait Finder: Send + Sync {
    fn look_up<'a>(&'a self, principal: &'a Principal, compare: Compare<'a>) -> Looking<'a>;
}

impl<U: Users> Finder for U {
    fn look_up<'a>(&'a self, principal: &'a Principal, compare: Compare<'a>) -> Looking<'a> {
        Box::pin(async move {
            let Some(user) = self.find(principal).await.map_err(Into::into)? else {
                return Ok(Err(Why::UserGone));
            };
            Ok(compare(self.credentials(&user)).map(|()| Arc::new(user) as AnyUser))
        })
    }
}
