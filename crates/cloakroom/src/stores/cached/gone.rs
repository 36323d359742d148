//! Which sessions were just found to be gone: an answer that was asked for before that brings none of them back.

use std::collections::VecDeque;

use super::copies::Ticket;
use super::kept::Key;

/// The last answers that there is no such session, where there was no copy to drop.
#[derive(Debug, Default)]
pub(super) struct Gone {
    answers: VecDeque<Answer>,
    /// What was asked for before this one may have been answered to be gone: that has been forgotten.
    forgotten: u64,
}

#[derive(Debug)]
struct Answer {
    hash: u64,
    /// The number of the call.
    number: u64,
}

/// How many are remembered. They need to be only while an earlier call is under way: whoever guesses tokens would have
/// to be answered so often meanwhile, in this part of the copies alone, to keep others from theirs.
const REMEMBERED: usize = 64;

impl Gone {
    /// Remembers that a call has found nothing.
    pub(super) fn note(&mut self, key: &Key<'_>, ticket: &Ticket) {
        if self.answers.len() == REMEMBERED
            && let Some(oldest) = self.answers.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest.number);
        }
        let (hash, number) = (key.hash, ticket.number);
        self.answers.push_back(Answer { hash, number });
    }

    /// Whether a call that began after this one may have found nothing.
    pub(super) fn is_after(&self, key: &Key<'_>, ticket: &Ticket) -> bool {
        let is_it = |answer: &Answer| answer.hash == key.hash && answer.number > ticket.number;
        self.forgotten > ticket.number || self.answers.iter().any(is_it)
    }
}
