//! Who is signed in, as the application knows them: found once per request, and signed out where they may not be signed in.

use std::any::TypeId;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::bounded::bounded;
use crate::lifecycle::Why;
use crate::local_path::LocalPath;
use crate::shared::KnownUser;
use crate::signed_in::SignedIn;
use crate::users::{AnyUser, Finder, Lookup, Users};
use crate::{Error, ErrorKind, Session, Sessions, events};

/// Who is signed in, as the application knows them: what a handler asks for.
///
/// With axum and actix-web it is an extractor: see [`Session::user`] for what it does. Whoever is not signed in gets a 401, or is sent to
/// [`Sessions::sign_in_page`] and from there back. `Option<User<T>>` takes them as they are.
///
/// ```
/// use cloakroom::User;
///
/// struct Account {
///     name: String,
/// }
///
/// async fn account(User(account): User<Account>) -> String {
///     format!("Hello, {}.", account.name)
/// }
///
/// async fn home(user: Option<User<Account>>) -> String {
///     let name = user.as_ref().map_or("stranger", |account| &account.name);
///     format!("Hello, {name}.")
/// }
/// ```
// Complete: a handler takes it apart in its arguments.
#[allow(clippy::exhaustive_structs)]
pub struct User<T>(pub Arc<T>);

impl<T> Clone for User<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for User<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for User<T> {
    /// Shows nothing of the user: there may be a password's hash among it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User(..)")
    }
}

impl Sessions {
    /// Finds users with this, when a handler asks for a [`User`] of its type.
    ///
    /// Given one for each of several types, the one that is asked for decides for everybody: **whom it does not find is signed
    /// out**, also whoever another one would have found. So customers and staff, who are not the same people, need [`Sessions`]
    /// of their own, each with a cookie of its own.
    #[must_use]
    pub fn users(mut self, users: impl Users) -> Self {
        Arc::make_mut(&mut self.config).users.add(users);
        self
    }

    /// Sends browsers to this page that ask for one where somebody has to be signed in, or to show again who they are.
    ///
    /// For applications of pages. Where a handler, or its [`User`], fails with an error whose status is 401, and the request
    /// accepts `text/html`, the response is a 303 to `/sign-in?next=/account`, so that the browser can be sent back:
    /// read `next` with [`LocalPath::parse`], because somebody else may have made up the link. What is not a GET is not done
    /// again, and comes without `next`. Scripts get the 401. Where routers are nested, the layer belongs around the outermost, which
    /// sees the whole path. Within the layer of other `Sessions`, as of customers among staff, it is the innermost layer that
    /// sends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a page that is no [`LocalPath`], or has a fragment, behind which no server would see `next`.
    pub fn sign_in_page(mut self, page: &str) -> Result<Self, Error> {
        let Some(page) = LocalPath::parse(page).filter(|_| !page.contains('#')) else {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the page to sign in at is a path of this application, and {page:?} is not"),
            ));
        };
        Arc::make_mut(&mut self.config).sign_in_page = Some(page);
        Ok(self)
    }
}

impl Session {
    /// Who is signed in, as the application knows them: `None` when nobody is. Found by what [`Sessions::users`] was given,
    /// once per request.
    ///
    /// A user who no longer exists, who may not be signed in, or who has other credentials than those of the sign-in
    /// is signed out, now: the session ends, the response removes its cookie, and the answer is `None`. So is one whose
    /// sign-in had no credentials where the user has some, or some where there are none: the log warns of it. Where it is a
    /// sign-in of this request that is not saved which does not fit, of somebody else or with other credentials, nothing comes
    /// of that, nor of what else it has recorded: the log warns of it, and the session stays as it was.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the user could not be looked up, within the time that one call of the store may take:
    /// nobody is signed out for that. [`ErrorKind::NoUsers`] when nothing finds users of this type.
    pub async fn user<T: Send + Sync + 'static>(&self) -> Result<Option<User<T>>, Error> {
        self.find_user::<T>(true).await
    }

    /// Who is signed in, looked up though they were found before.
    pub(crate) async fn user_anew<T: Send + Sync + 'static>(&self) -> Result<Option<User<T>>, Error> {
        self.find_user::<T>(false).await
    }

    /// What finds users of this type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoUsers`], naming the missing call.
    pub(crate) fn finder<T: 'static>(&self) -> Result<&dyn Finder, Error> {
        self.0.config.users.finder::<T>().ok_or_else(|| {
            let user = std::any::type_name::<T>();
            Error::new(
                ErrorKind::NoUsers,
                format!(
                    "nothing finds users of the type {user}: call `Sessions::users` with a value whose `Users::User` is it, \
                     before `layer` or `middleware`"
                ),
            )
        })
    }

    /// Finds who is signed in; whom this request has found already, if that will do.
    async fn find_user<T: Send + Sync + 'static>(
        &self,
        known_will_do: bool,
    ) -> Result<Option<User<T>>, Error> {
        let finder = self.finder::<T>()?;
        let of = TypeId::of::<T>();
        // Held over the search: whoever else asks meanwhile waits for the same answer.
        let mut known = self.0.known_users().lock().await;
        while let Some(signed_in) = self.signed_in() {
            let is_they = |user: &&KnownUser| user.of == of && user.principal == signed_in.principal;
            if let Some(user) = known.iter().find(is_they).filter(|_| known_will_do) {
                return Ok(typed(&user.user));
            }
            match self.look_up(finder, &signed_in).await? {
                Ok(user) => {
                    let found = typed(&user);
                    let principal = signed_in.principal;
                    known.retain(|user| user.of != of);
                    known.push(KnownUser { of, principal, user });
                    return Ok(found);
                }
                Err(why) if self.turn_away(&signed_in, why).await? => return Ok(None),
                // A clone has signed somebody in meanwhile: that was said of who it was before.
                Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Ends the session of who may not be signed in; or drops what this request has recorded, where that is a sign-in of theirs
    /// that does not fit. `false` where it is not they any more.
    async fn turn_away(&self, signed_in: &SignedIn, why: Why) -> Result<bool, Error> {
        let was_unsaved = {
            let _gate = self.gate().await?;
            if self.signed_in().as_ref() != Some(signed_in) {
                return Ok(false);
            }
            let mut state = self.0.state();
            let is_theirs = state.owner().as_ref() == Some(&signed_in.principal);
            // The session that is there is somebody else's, or nobody's; or theirs, with credentials of its own.
            let was_unsaved = !is_theirs || (why != Why::UserGone && state.signs_in());
            if was_unsaved {
                state.drop_changes();
            }
            was_unsaved
        };
        if was_unsaved {
            events::sign_in_dropped(self.id(), why.words());
        } else if why == Why::UserGone || self.confirm().await? {
            // With other credentials they may be signing in this moment, in another tab: that is not to be ended.
            self.end_because(why).await?;
        }
        Ok(true)
    }

    async fn look_up(&self, finder: &dyn Finder, signed_in: &SignedIn) -> Result<Lookup, Error> {
        let derivation = &self.0.config.envelope.derivation;
        let compare = |credentials: Option<&[u8]>| signed_in.with_what_there_is(derivation, credentials);
        let looking = async { Ok(finder.look_up(&signed_in.principal, &compare).await) };
        let unavailable = || Error::new(ErrorKind::Unavailable, "could not find out who is signed in");
        match bounded(self.0.config.store_timeout, looking).await {
            Ok(Ok(lookup)) => Ok(lookup),
            Ok(Err(cause)) => Err(unavailable().with_source(cause)),
            Err(late) => Err(unavailable().with_source(late)),
        }
    }
}

fn typed<T: Send + Sync + 'static>(user: &AnyUser) -> Option<User<T>> {
    let user = Arc::clone(user).downcast().ok();
    Some(User(
        user.expect("a finder finds users of the type it is held by"),
    ))
}
