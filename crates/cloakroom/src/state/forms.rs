//! What the form tokens of a session are made of.

use super::{Loaded, State};
use crate::change::Change;
use crate::config::Config;
use crate::form_token::FormTag;
use crate::held::Held;
use crate::seal::FormRoot;

impl State {
    /// Whether what is recorded gives the session its first token, or another one, and with it its form tokens, once it is
    /// written.
    pub(crate) fn awaits_token(&self) -> bool {
        let begins = self.held.is_none() && !self.view.data.as_bytes().is_empty();
        let renews = |change: &Change| match change {
            Change::SignIn(_) => true,
            Change::Rotate => self.held.is_some(),
            _ => false,
        };
        (begins || self.changes.iter().any(renews)) && !self.drops_changes()
    }

    /// The tags that the forms of the session as it is held may carry, the one for new forms first; none without a
    /// session.
    pub(crate) fn form_tags(&self, config: &Config) -> Vec<FormTag> {
        let Some(id) = self.id() else {
            return Vec::new();
        };
        let tag = |root| FormTag::new(&config.envelope.derivation.form_key(id, &root));
        match (&self.held, &config.sealed, self.rotated()) {
            (Some(Loaded::Stored(held)), ..) => roots(held, config).into_iter().map(tag).collect(),
            (Some(Loaded::Sealed(_)), Some(sealed), Some(rotated)) => {
                // A form that was made under the key before is good for as long as its cookie is.
                let keys = sealed.cookie.keys.opening();
                keys.iter()
                    .map(|key| tag(FormRoot::Cookie(key.key(), rotated)))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The session's key, which signing in and rotating replace, and periodic rotation keeps. Where records do not leave the
/// process there is none: then its newest verifier, and the one before, so that a form outlives a periodic rotation.
fn roots<'a>(held: &'a Held, config: &Config) -> Vec<FormRoot<'a>> {
    match (&held.key, held.verifier) {
        (Some(key), _) => vec![FormRoot::SessionKey(&key.key)],
        (None, newest) => {
            let newest = newest.unwrap_or_else(|| config.envelope.derivation.verifier(&held.token.secret));
            let previous = held.previous.as_ref().map(|previous| previous.verifier);
            [Some(newest), previous]
                .into_iter()
                .flatten()
                .map(FormRoot::Verifier)
                .collect()
        }
    }
}
