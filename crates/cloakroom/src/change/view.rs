//! The session as it looks after a request's changes.

use cloakroom_store::{Label, Principal};

use super::{Change, Limit};
use crate::Error;
use crate::authentication;
use crate::data::Data;
use crate::settle::{DataChange, Wanted};
use crate::sign_in::CheckedSignIn;

/// The session as it looks after a request's changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) data: Data,
    pub(crate) principal: Option<Principal>,
    label: Option<Label>,
    starts_over: bool,
}

impl View {
    pub(crate) fn new(data: Data, principal: Option<Principal>, label: Option<Label>) -> Self {
        Self {
            data,
            principal,
            label,
            starts_over: false,
        }
    }

    /// This session after all these changes, none of which makes it larger than the limit.
    ///
    /// # Errors
    ///
    /// Of an update whose present value is not of its type, and [`ErrorKind::TooLarge`].
    pub(crate) fn replay(mut self, changes: &[Change], limit: Limit<'_>) -> Result<Self, Error> {
        changes.iter().try_for_each(|change| self.apply(change, limit))?;
        Ok(self)
    }

    /// Applies one more change, or leaves everything as it is.
    ///
    /// # Errors
    ///
    /// As [`Self::replay`].
    pub(crate) fn apply(&mut self, change: &Change, limit: Limit<'_>) -> Result<(), Error> {
        match change {
            Change::Set { key, value } => self.set(key, value, limit)?,
            Change::Remove { key } => self.data.remove(key),
            Change::Update { key, update } => {
                let value = update.call(self.data.get(key))?;
                self.set(key, &value, limit)?;
            }
            Change::Clear => self.clear(),
            Change::SignIn(sign_in) => self.sign_in(sign_in, limit)?,
            Change::Rotate => {}
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, key: &str, value: &[u8], limit: Limit<'_>) -> Result<(), Error> {
        let entry = (key, value.len());
        limit.check(self.principal.as_ref(), self.label.as_ref(), &self.data, entry)?;
        // The same value again would only move it to the end, and that would be a write for nothing.
        if self.data.get(key) != Some(value) {
            self.data.set(key, value);
        }
        Ok(())
    }

    /// Removes what the application has set. How and when its user was signed in is not the application's to remove.
    fn clear(&mut self) {
        let mut left = Data::default();
        if let Some(authentication) = self.data.get(authentication::NAME) {
            left.set(authentication::NAME, authentication);
        }
        self.data = left;
    }

    fn sign_in(&mut self, sign_in: &CheckedSignIn, limit: Limit<'_>) -> Result<(), Error> {
        let somebody_else = |principal: &Principal| *principal != sign_in.principal;
        let starts_over = self.principal.as_ref().is_some_and(somebody_else);
        // One user's data never becomes another's.
        let nothing = Data::default();
        let (data, before) = if starts_over {
            (&nothing, None)
        } else {
            (&self.data, self.label.as_ref())
        };
        let label = sign_in.label.as_ref().or(before);
        let entry = (authentication::NAME, sign_in.authentication.len());
        limit.check(Some(&sign_in.principal), label, data, entry)?;
        self.label = label.cloned();
        if starts_over {
            self.data = nothing;
            self.starts_over = true;
        }
        self.data.set(authentication::NAME, &sign_in.authentication);
        self.principal = Some(sign_in.principal.clone());
        Ok(())
    }

    /// The session was written for `principal`; only `left` is still to be.
    pub(crate) fn is_written(&mut self, principal: Option<&Principal>, left: &[Change]) {
        let mut principal = principal;
        self.starts_over = false;
        for change in left {
            if let Change::SignIn(next) = change {
                self.starts_over |= principal.is_some_and(|principal| *principal != next.principal);
                principal = Some(&next.principal);
            }
        }
    }

    /// What the request wants of its session, compared with the data it loaded.
    pub(crate) fn wanted<'a>(&self, base: &Data, changes: &'a [Change]) -> Wanted<'a> {
        let data = match (self.data.as_bytes(), base.as_bytes()) {
            (now, before) if now == before => DataChange::None,
            ([], _) => DataChange::Emptied,
            _ => DataChange::Changed,
        };
        Wanted {
            data,
            sign_in: changes.iter().rev().find_map(|change| match change {
                Change::SignIn(sign_in) => Some(sign_in),
                _ => None,
            }),
            rotate: changes.iter().any(|change| matches!(change, Change::Rotate)),
            starts_over: self.starts_over,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;
    use crate::change::Update;

    type Model = (BTreeMap<String, String>, Option<String>);

    /// One change, and what it does to the model.
    fn change() -> impl Strategy<Value = (u8, String, String)> {
        (0..6u8, "[ab]", "[0-9]{1,3}")
    }

    fn recorded((kind, key, value): &(u8, String, String)) -> Change {
        let (key, value) = (key.clone(), value.clone());
        match kind {
            0 => Change::Set {
                key,
                value: value.into_bytes(),
            },
            1 => Change::Remove { key },
            2 => Change::Update {
                key,
                update: Update::new(move |present| {
                    Ok([present.unwrap_or_default(), value.as_bytes()].concat())
                }),
            },
            3 => Change::Clear,
            4 => Change::SignIn(CheckedSignIn {
                principal: Principal::new(key).expect("a letter is a principal"),
                remember: false,
                label: None,
                authentication: b"{}".to_vec(),
            }),
            _ => Change::Rotate,
        }
    }

    fn expected((data, principal): &mut Model, (kind, key, value): &(u8, String, String)) {
        match kind {
            0 => drop(data.insert(key.clone(), value.clone())),
            1 => drop(data.remove(key)),
            2 => data.entry(key.clone()).or_default().push_str(value),
            3 => data.clear(),
            4 => {
                if principal.as_ref().is_some_and(|principal| principal != key) {
                    data.clear();
                }
                *principal = Some(key.clone());
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn replaying_is_doing_it_one_by_one(before in vec(change(), 0..8), changes in vec(change(), 0..8)) {
            let mut model = Model::default();
            before.iter().for_each(|change| expected(&mut model, change));
            let before: Vec<Change> = before.iter().map(recorded).collect();
            let before = View::default().replay(&before, Limit::Store(10_000)).expect("no change fails");
            changes.iter().for_each(|change| expected(&mut model, change));
            let changes: Vec<Change> = changes.iter().map(recorded).collect();

            let begin = || View::new(before.data.clone(), before.principal.clone(), None);
            let replayed = begin().replay(&changes, Limit::Store(10_000)).expect("no change fails");
            let mut one_by_one = begin();
            for change in &changes {
                one_by_one.apply(change, Limit::Store(10_000)).expect("no change fails");
            }
            prop_assert_eq!(one_by_one.data.as_bytes(), replayed.data.as_bytes());

            let mut read: BTreeMap<_, _> = replayed.data.iter().collect();
            prop_assert_eq!(read.remove(authentication::NAME).is_some(), model.1.is_some());
            let data: BTreeMap<_, _> = model.0.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
            prop_assert_eq!(read, data);
            prop_assert_eq!(replayed.principal.as_ref().map(Principal::as_str), model.1.as_deref());

            // Where somebody else was signed in on the way, a session of its own begins.
            let mut signed_in = before.principal.clone();
            let mut starts_over = false;
            for change in &changes {
                if let Change::SignIn(sign_in) = change {
                    let next = Some(sign_in.principal.clone());
                    starts_over |= signed_in.is_some() && signed_in != next;
                    signed_in = next;
                }
            }
            prop_assert_eq!(replayed.wanted(&before.data, &changes).starts_over, starts_over);
            one_by_one.is_written(before.principal.as_ref(), &changes);
            prop_assert_eq!(one_by_one.wanted(&before.data, &changes).starts_over, starts_over);
        }

        #[test]
        fn what_is_too_large_changes_nothing(changes in vec(change(), 0..12)) {
            let mut view = View::default();
            for change in &changes {
                let before = view.clone();
                let applied = view.apply(&recorded(change), Limit::Store(12));
                prop_assert!(view.data.as_bytes().len() <= 12);
                if let Err(error) = applied {
                    prop_assert_eq!(error.kind(), ErrorKind::TooLarge);
                    prop_assert_eq!(view.data.as_bytes(), before.data.as_bytes());
                }
            }
        }
    }
}
