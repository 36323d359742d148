//! Ending all sessions of a principal, or everyone's: one step for each session, on its own node.

use std::time::{Duration, Instant};

use cloakroom_store::{Error, ErrorKind, Id, Namespace, Principal, Revoke, Revoked, Scope, Timestamp};
use redis::Value;

use super::super::record;
use super::super::script::{self as scripts, Invocation, Script};
use super::filing::Filing;
use super::filings::ALL;
use super::list::tour_of;
use super::tour::Tour;
use super::{Inner, route};

const WHAT: &str = "end sessions";

/// How many steps of a tour a call takes at most, where it may leave something behind: the keys of others are gone
/// through too, and there may be very many.
const STEPS: usize = 64;

/// For how long it begins another one then. Whoever calls has a bound, and a node may be far away.
const LOOKING: Duration = Duration::from_millis(200);

impl Inner {
    /// Ends many sessions, see [`Store::revoke`](cloakroom_store::Store::revoke).
    pub(super) async fn revoke(&self, request: &Revoke) -> Result<Revoked, Error> {
        let most = request.limit.map_or(usize::MAX, |limit| limit.get());
        match &request.scope {
            Scope::Principal { principal, keep } => {
                self.revoke_principal(&request.namespace, principal, *keep, most)
                    .await
            }
            Scope::Everyone { begun_before } => self.revoke_everyone(request, *begun_before, most).await,
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "the redis store does not know this scope: use one release of all crates",
            )),
        }
    }

    async fn revoke_principal(
        &self,
        namespace: &Namespace,
        principal: &Principal,
        keep: Option<Id>,
        most: usize,
    ) -> Result<Revoked, Error> {
        let look = self.look(namespace, principal, None, ALL).await?;
        let theirs = look.theirs(principal).filter(|(_, entry)| Some(entry.id) != keep);
        let mut ending: Vec<Filing> = theirs.map(|(filing, _)| *filing).collect();
        let more = ending.len() > most;
        ending.truncate(most);
        let ended = self.end_filed(namespace, principal, &ending).await?;
        Ok(Revoked::new(ended, more))
    }

    async fn revoke_everyone(
        &self,
        request: &Revoke,
        begun_before: Timestamp,
        most: usize,
    ) -> Result<Revoked, Error> {
        let mut at = match &request.after {
            Some(after) => tour_of(after)?,
            None => self.bounded(WHAT, self.tour(WHAT)).await?,
        };
        let begun = Instant::now();
        let mut ended = 0;
        for step_number in 1.. {
            let step = self.end_step(&request.namespace, begun_before, most - ended, at.clone());
            let (step, next) = self.bounded(WHAT, step).await?;
            ended += step.ended as usize;
            if step.more {
                // Some of what was found are left: it is looked at again.
                return Ok(Revoked::up_to(ended as u64, at.cursor()));
            }
            let Some(next) = next else { break };
            at = next;
            let is_long = step_number == STEPS || begun.elapsed() > LOOKING;
            if ended >= most || (request.limit.is_some() && is_long) {
                return Ok(Revoked::up_to(ended as u64, at.cursor()));
            }
        }
        Ok(Revoked::new(ended as u64, false))
    }

    /// Ends what it comes upon in one step of a tour, at most so many.
    async fn end_step(
        &self,
        namespace: &Namespace,
        begun_before: Timestamp,
        most: usize,
        at: Tour,
    ) -> Result<(Revoked, Option<Tour>), Error> {
        let (found, next) = self.step(WHAT, namespace, at).await?;
        let entries = self.entries(namespace, &found).await?;
        let begun = entries
            .into_iter()
            .flatten()
            .filter(|entry| entry.created < begun_before);
        let mut ending: Vec<Id> = begun.map(|entry| entry.id).collect();
        let more = ending.len() > most;
        ending.truncate(most);
        let arguments: [&[u8]; 3] = [&record::time_bytes(begun_before), b"", b"1"];
        let answers = self
            .run_each(WHAT, &scripts::END_BEGUN_BEFORE, namespace, &ending, &arguments)
            .await?;
        let has_ended =
            |answer: &&Value| matches!(answer, Value::Array(parts) if parts.first() == Some(&Value::Int(1)));
        let ended = answers.iter().filter(has_ended).count() as u64;
        Ok((Revoked::new(ended, more), next))
    }

    /// Runs a script for each of these sessions, at the same time.
    pub(super) async fn run_each(
        &self,
        what: &'static str,
        script: &'static Script,
        namespace: &Namespace,
        ids: &[Id],
        arguments: &[&[u8]],
    ) -> Result<Vec<Value>, Error> {
        let keys: Vec<_> = ids.iter().map(|id| self.keys.session(namespace, id)).collect();
        let commands: Vec<_> = keys
            .iter()
            .map(|key| {
                let keys: &[&[u8]] = &[key.as_bytes()];
                let invocation = Invocation {
                    script,
                    keys,
                    arguments,
                };
                (key.clone(), invocation.by_hash())
            })
            .collect();
        let mut answers = self.nodes.send_each(what, &commands).await?;
        for (answer, key) in answers.iter_mut().zip(&keys) {
            if route::is_unknown_script(answer) {
                let keys: &[&[u8]] = &[key.as_bytes()];
                *answer = self
                    .nodes
                    .run(
                        what,
                        Invocation {
                            script,
                            keys,
                            arguments,
                        },
                    )
                    .await?;
            }
        }
        answers
            .into_iter()
            .map(|answer| self.nodes.accept(what, answer))
            .collect()
    }
}
