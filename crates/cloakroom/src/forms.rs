//! What a session does for forms: a token in them before, and a message on the page after.

use std::sync::{Arc, Mutex, PoisonError};

use crate::flash::{Flash, Name, UNREAD, Unread};
use crate::form_token::FormTag;
use crate::session::Session;
use crate::{Error, ErrorKind, events};

impl Session {
    /// A token for the forms of this response, which [`check_form_token`](Self::check_form_token) takes back; `None`
    /// for a visitor without a session.
    ///
    /// [`CrossSite`](crate::CrossSite) refuses what other sites make a browser send, and needs none. This is for those
    /// whose rules ask for one as well: NIST SP 800-63B-4 §5.1 does, of what is sent within a session.
    ///
    /// ```
    /// # use cloakroom::{Error, Session};
    /// # fn escape(text: &str) -> &str { text }
    /// async fn show(session: Session) -> Result<String, Error> {
    ///     let token = session.form_token()?.unwrap_or_default();
    ///     Ok(format!(
    ///         r#"<form method="post" action="/transfer">
    ///            <input type="hidden" name="form_token" value="{token}">
    ///            <button>Send</button></form>"#
    ///     ))
    /// }
    /// # struct Transfer { form_token: String }
    /// # struct Form<T>(T);
    ///
    /// async fn transfer(session: Session, Form(form): Form<Transfer>) -> Result<&'static str, Error> {
    ///     session.check_form_token(&form.form_token)?;
    ///     // … do it …
    ///     Ok("sent")
    /// }
    /// ```
    ///
    /// It is derived of what only this session and its server have. So nothing is stored or written for it; it is
    /// dead once the session signs in, is [rotated](Self::rotate) or ends; and a form that is sent after a periodic
    /// rotation is still good. The text is another one each time, and all of them are good.
    ///
    /// A visitor for whom nothing is stored has no session to bind it to. Nobody's account is behind what such a visitor
    /// sends, but for the form that signs in: `CrossSite` is what protects that one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] where this request has begun the session, signed in or rotated, and not [saved](Self::save)
    /// that: the token would be one of before. [`ErrorKind::Unavailable`] when the operating system gives no randomness.
    pub fn form_token(&self) -> Result<Option<String>, Error> {
        let shared = &self.0;
        let tags = {
            let state = shared.state();
            if state.awaits_token() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "no form token before the session is saved, which this request begins, signs in or rotates: await \
                     `Session::save` first, or redirect",
                ));
            }
            state.form_tags(&shared.config)
        };
        let masked = |tag: &FormTag| Ok(tag.masked(&shared.config.random.draw()?));
        tags.first().map(masked).transpose()
    }

    /// Checks that a form was made for this session: that what came with it is one of its [tokens](Self::form_token).
    ///
    /// Read it from a field of the form, or from a header such as `X-CSRF-Token` where a script sends it; never from the
    /// URL or a cookie. Ask before the handler signs in or rotates.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::FormToken`], which is a 403, when it is not, and for a visitor without a session.
    pub fn check_form_token(&self, token: &str) -> Result<(), Error> {
        let (id, tags) = {
            let state = self.0.state();
            (state.id(), state.form_tags(&self.0.config))
        };
        match FormTag::parse(token.as_bytes()) {
            Some(tag) if tag.is_one_of(&tags) => Ok(()),
            _ => {
                events::form_token_refused(id);
                Err(Error::new(
                    ErrorKind::FormToken,
                    "the form was not made for this session",
                ))
            }
        }
    }

    /// Keeps a message for the page that this request redirects to, and answers the location to redirect to.
    ///
    /// The location names the message (`/cart?flash=…`), so each of two tabs that are redirected at the same time
    /// shows its own; of sealed sessions the last cookie wins there, as always, and the other message is lost. As any change it
    /// is written when the handler has answered, and dropped with a 5xx. For a visitor without a session one begins, with a
    /// cookie.
    ///
    /// ```
    /// # use cloakroom::{Error, Flash, Session};
    /// # struct Redirect(String);
    /// # impl Redirect { fn to(to: &str) -> Self { Self(to.to_owned()) } }
    /// async fn add(session: Session) -> Result<Redirect, Error> {
    ///     let to = session.flash("/cart", Flash::success("Added to your cart."))?;
    ///     Ok(Redirect::to(&to))
    /// }
    /// ```
    ///
    /// A session keeps [`Flash::MOST`] messages that were not read, of one kilobyte of text together, as JSON, for five minutes
    /// each; the oldest go first. Nothing checks the location: one that a user can choose has to be checked before.
    ///
    /// # Errors
    ///
    /// As those of [`set`](Self::set); [`ErrorKind::Unavailable`] when the operating system gives no randomness.
    pub fn flash(&self, location: &str, flash: Flash) -> Result<String, Error> {
        let config = &self.0.config;
        let (name, now) = (Name::new(&config.random.draw()?), config.clock.now());
        let location = name.put_into(location);
        self.update(UNREAD, move |unread: Option<Unread>| {
            unread.unwrap_or_default().with(name.clone(), flash.clone(), now)
        })?;
        Ok(location)
    }

    /// Takes the message that the query of this request names, to be shown: once, also where two requests ask at the
    /// same time. `None` when there is none, or not any more.
    ///
    /// Call it on the page that shows it. It [saves](Self::save) what this request has recorded, since only what has been
    /// removed is certainly shown to nobody else; a request without such a name costs nothing.
    ///
    /// ```
    /// # use cloakroom::{Error, Session};
    /// # struct RawQuery(Option<String>);
    /// async fn cart(session: Session, RawQuery(query): RawQuery) -> Result<String, Error> {
    ///     let flash = session.take_flash(query.as_deref()).await?;
    ///     Ok(flash.map_or_else(String::new, |flash| flash.text().to_owned()))
    /// }
    /// ```
    ///
    /// Of a [sealed](crate::Sessions::sealed) session, two requests that ask at the same time both get it, as each has
    /// its own copy of the cookie.
    ///
    /// # Errors
    ///
    /// Those of [`save`](Self::save) and [`confirm`](Self::confirm).
    pub async fn take_flash(&self, query: Option<&str>) -> Result<Option<Flash>, Error> {
        let Some(name) = query.and_then(Name::in_query) else {
            return Ok(None);
        };
        if !self.has_flash(&name)? {
            let is_copy = self.0.state().is_copy();
            // The copy may be from before the redirect.
            if !is_copy || !self.confirm().await? || !self.has_flash(&name)? {
                return Ok(None);
            }
        }
        let now = self.0.config.clock.now();
        // An update runs again on what neighbours have left: what its last run found is what it removed.
        let found = Arc::new(Mutex::new(None));
        let finding = Arc::clone(&found);
        self.update(UNREAD, move |unread: Option<Unread>| {
            let (flash, left) = unread.unwrap_or_default().take(&name, now);
            *finding.lock().unwrap_or_else(PoisonError::into_inner) = flash;
            left
        })?;
        self.save().await?;
        // Where the session ended meanwhile nothing was removed.
        let is_there = self.id().is_some();
        let flash = found.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(flash.filter(|_| is_there))
    }

    fn has_flash(&self, name: &Name) -> Result<bool, Error> {
        let unread = self.get(UNREAD)?.unwrap_or_default();
        Ok(unread.take(name, self.0.config.clock.now()).0.is_some())
    }
}
