//! A principal's filings: who may be theirs, and what the sessions themselves say to that.

use std::time::Duration;

use cloakroom_store::{Entry, Error, Id, Namespace, Owner, Principal, Timestamp};
use redis::Value;
use tokio::time::{error::Elapsed, timeout};

use super::super::record;
use super::super::script::{self as scripts, Invocation};
use super::filing::Filing;
use super::{Inner, script};

/// How long a sign-in waits for what it tidies on the way, at most.
const TIDYING: Duration = Duration::from_millis(250);

/// As many as there are.
pub(super) const ALL: usize = i64::MAX as usize;

/// Filings that were looked at, and their sessions.
pub(super) struct Look {
    /// The time by the clock of the filings' server.
    now: u64,
    pub(super) seen: Vec<(Filing, Option<Entry>)>,
}

impl Look {
    /// The filings of sessions that are the principal's, and their metadata.
    pub(super) fn theirs<'a>(
        &'a self,
        principal: &'a Principal,
    ) -> impl Iterator<Item = (&'a Filing, &'a Entry)> {
        self.seen.iter().filter_map(move |(filing, entry)| {
            let entry = entry
                .as_ref()
                .filter(|entry| entry.principal.as_ref() == Some(principal))?;
            Some((filing, entry))
        })
    }

    /// The filings of the sessions that live at a moment, and of those that do not, as scripts take them.
    pub(super) fn split(&self, principal: &Principal, moment: Timestamp) -> (Vec<u8>, Vec<u8>) {
        let lives = |entry: &Option<Entry>| {
            entry
                .as_ref()
                .is_some_and(|entry| entry.principal.as_ref() == Some(principal) && entry.expires > moment)
        };
        let (live, gone): (Vec<_>, Vec<_>) = self.seen.iter().partition(|(_, entry)| lives(entry));
        let concat = |seen: Vec<&(Filing, _)>| Filing::concat(seen.into_iter().map(|(filing, _)| filing));
        (concat(live), concat(gone))
    }
}

impl Inner {
    /// Files a session before it is written. Answers until when it may be.
    pub(super) async fn file(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        id: Id,
        created: Timestamp,
    ) -> Result<u64, Error> {
        const WHAT: &str = "file a session under its principal";
        let key = self.keys.filings(namespace, principal);
        let answer = self
            .nodes
            .run(
                WHAT,
                Invocation {
                    script: &script::FILE,
                    keys: &[key.as_bytes()],
                    arguments: &[
                        id.as_bytes(),
                        &record::time_bytes(created),
                        self.index_lifetime.as_bytes(),
                    ],
                },
            )
            .await?;
        let Value::Array(parts) = &answer else {
            return Err(self.nonsense(WHAT));
        };
        let [Value::Int(now), old] = &**parts else {
            return Err(self.nonsense(WHAT));
        };
        let now = u64::try_from(*now).map_err(|_| self.nonsense(WHAT))?;
        let old = Filing::read_all(old).ok_or_else(|| self.nonsense(WHAT))?;
        if !old.is_empty() {
            let tidying = async {
                let look = self.look_for(namespace, now, old).await?;
                self.tidy(namespace, principal, &look).await
            };
            // What is not tidied now, the next one tidies: nobody is kept from signing in by nodes that have other sessions.
            let _: Result<_, Elapsed> = timeout(TIDYING, tidying).await;
        }
        Ok(writable_until(now))
    }

    /// Reads filings after an id, at most so many, and the sessions they are about. Ends what is to be ended, and
    /// removes what is about nothing.
    pub(super) async fn look(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        after: Option<Id>,
        most: usize,
    ) -> Result<Look, Error> {
        const WHAT: &str = "read the sessions of a principal";
        let key = self.keys.filings(namespace, principal);
        let answer = self
            .nodes
            .run(
                WHAT,
                Invocation {
                    script: &script::LOOK,
                    keys: &[key.as_bytes()],
                    arguments: &[
                        after.as_ref().map_or(&[][..], |id| id.as_bytes()),
                        most.to_string().as_bytes(),
                    ],
                },
            )
            .await?;
        let Value::Array(parts) = &answer else {
            return Err(self.nonsense(WHAT));
        };
        let [Value::Int(now), filings] = &**parts else {
            return Err(self.nonsense(WHAT));
        };
        let now = u64::try_from(*now).map_err(|_| self.nonsense(WHAT))?;
        let filings = Filing::read_all(filings).ok_or_else(|| self.nonsense(WHAT))?;
        let look = self.look_for(namespace, now, filings).await?;
        self.tidy(namespace, principal, &look).await?;
        Ok(look)
    }

    async fn look_for(&self, namespace: &Namespace, now: u64, filings: Vec<Filing>) -> Result<Look, Error> {
        let ids: Vec<_> = filings.iter().map(Filing::id).collect();
        let entries = self.entries(namespace, &ids).await?;
        let seen = filings.into_iter().zip(entries).collect();
        Ok(Look { now, seen })
    }

    /// The metadata of these sessions, where they are there.
    pub(super) async fn entries(
        &self,
        namespace: &Namespace,
        ids: &[Id],
    ) -> Result<Vec<Option<Entry>>, Error> {
        const WHAT: &str = "read sessions";
        let reads: Vec<_> = ids
            .iter()
            .map(|id| {
                let key = self.keys.session(namespace, id);
                let mut command = redis::cmd("GETRANGE");
                command.arg(&key).arg(0).arg(record::LONGEST_HEAD - 1);
                (key, command)
            })
            .collect();
        let heads = self.nodes.send_each(WHAT, &reads).await?;
        let entries = heads
            .into_iter()
            .zip(ids)
            .map(|(head, id)| match self.nodes.accept(WHAT, head)? {
                Value::BulkString(head) if head.is_empty() => Ok(None),
                Value::BulkString(head) => record::entry(*id, &head).map(Some),
                _ => Err(self.nonsense(WHAT)),
            });
        entries.collect()
    }

    /// Ends the sessions whose places were taken by others, should whoever took them not have come to it, and removes
    /// filings that are about nothing: not those of a sign-in that may be under way.
    async fn tidy(&self, namespace: &Namespace, principal: &Principal, look: &Look) -> Result<(), Error> {
        let ended: Vec<_> = look
            .theirs(principal)
            .filter(|(filing, _)| filing.is_ended())
            .map(|(filing, _)| *filing)
            .collect();
        self.end_filed(namespace, principal, &ended).await?;
        let nothing = look.seen.iter().filter(|(filing, entry)| {
            let theirs = entry
                .as_ref()
                .is_some_and(|entry| entry.principal.as_ref() == Some(principal));
            !theirs && filing.is_old(look.now)
        });
        let nothing: Vec<_> = nothing.map(|(filing, _)| *filing).collect();
        self.forget(namespace, principal, &nothing).await
    }

    /// Ends these sessions if they are still the principal's, and removes their filings. Answers which have ended.
    pub(super) async fn end_filed(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        filings: &[Filing],
    ) -> Result<u64, Error> {
        let ids: Vec<_> = filings.iter().map(Filing::id).collect();
        let owner = Owner::Is(Some(principal.clone()));
        let ended = self.end_each(namespace, &ids, &owner).await?;
        self.forget(namespace, principal, filings).await?;
        Ok(ended)
    }

    /// Ends these sessions if they belong to whom the caller means. Answers how many have ended.
    async fn end_each(&self, namespace: &Namespace, ids: &[Id], owner: &Owner) -> Result<u64, Error> {
        const WHAT: &str = "end sessions";
        let (whose, who) = match owner {
            Owner::Any => ("any", ""),
            Owner::Is(who) => ("is", who.as_ref().map_or("", Principal::as_str)),
        };
        let arguments: [&[u8]; 3] = [b"", whose.as_bytes(), who.as_bytes()];
        let answers = self
            .run_each(WHAT, &scripts::DELETE, namespace, ids, &arguments)
            .await?;
        Ok(answers.iter().filter(|answer| **answer == Value::Int(1)).count() as u64)
    }

    /// Removes filings that are still what they were.
    async fn forget(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        filings: &[Filing],
    ) -> Result<(), Error> {
        if filings.is_empty() {
            return Ok(());
        }
        let key = self.keys.filings(namespace, principal);
        let mut command = redis::cmd("ZREM");
        command.arg(&key);
        for filing in filings {
            command.arg(filing.as_bytes());
        }
        self.nodes
            .send("tidy the sessions of a principal", key.as_bytes(), &command)
            .await
            .map(drop)
    }
}

/// Until when a session that was filed now may be written.
pub(super) fn writable_until(now: u64) -> u64 {
    now.saturating_add(Filing::WRITABLE.as_millis() as u64)
}
