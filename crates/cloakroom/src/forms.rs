//! What a session does for forms: a token in them.

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
    /// [`ErrorKind::Invalid`] where this request has signed in or rotated and not [saved](Self::save) that: the token
    /// would be one of before. [`ErrorKind::Unavailable`] when the operating system gives no randomness.
    pub fn form_token(&self) -> Result<Option<String>, Error> {
        let shared = &self.0;
        let tags = {
            let state = shared.state();
            if state.renews_token() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "no form token before the new token is saved: await `Session::save` first, or redirect",
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
}
