//! Sends a command to the node that has its key, and follows where a node points to.
//!
//! Not by the cluster client of the driver: when a connection is lost, it sends again what may have been done, and told
//! to send nothing again it follows no redirection either. `MOVED`, `ASK`, `TRYAGAIN` and `CLUSTERDOWN` say that a
//! command was not done, and only then is it sent once more.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_store::Error;
use redis::{Cmd, RedisError, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::super::address::Place;
use super::super::all::all;
use super::super::failure;
use super::super::script::Invocation;
use super::super::turn::Turn;
use super::map::{Map, Node};
use super::nodes::Nodes;
use super::slot;

/// How long to wait before a node is asked again that could not say yes or no.
const PAUSE: Duration = Duration::from_millis(20);

/// How often a command is sent on at once, before there is a pause.
const HOPS: usize = 4;

/// Where a command goes next.
enum Next {
    /// To the node that has the slot as far as we know.
    Owner,
    /// To the node that has the slot as another one says.
    Moved(Arc<Node>),
    /// To the node that the slot is moving to, just this once.
    Ask(Arc<Node>),
}

impl Nodes {
    /// Runs a script on one key where the key is. A node that does not know the script is told its text.
    ///
    /// # Errors
    ///
    /// What the node answers, or that it does not.
    pub(super) async fn run(&self, what: &'static str, invocation: Invocation<'_>) -> Result<Value, Error> {
        let slot = slot::of(invocation.keys.first().copied().unwrap_or_default());
        let answer = self.send_raw(what, slot, &invocation.by_hash()).await?;
        let answer = match is_unknown_script(&answer) {
            // Boxed, as the way of few: every call would carry the room for it around.
            true => Box::pin(self.send_raw(what, slot, &invocation.by_source())).await?,
            false => answer,
        };
        self.accept(what, answer)
    }

    /// Sends a command on one key to where the key is.
    ///
    /// # Errors
    ///
    /// What the node answers, or that it does not.
    pub(super) async fn send(&self, what: &'static str, key: &[u8], command: &Cmd) -> Result<Value, Error> {
        let answer = self.send_raw(what, slot::of(key), command).await?;
        self.accept(what, answer)
    }

    /// Sends commands on a key each, at the same time, and those for one node together. An answer may be an error.
    ///
    /// # Errors
    ///
    /// When a node does not answer.
    pub(super) async fn send_each(
        &self,
        what: &'static str,
        commands: &[(String, Cmd)],
    ) -> Result<Vec<Value>, Error> {
        let map = self.map();
        let mut batches: Vec<Vec<usize>> = vec![Vec::new(); map.nodes.len()];
        let mut answers: Vec<Option<Value>> = vec![None; commands.len()];
        for (n, (key, _)) in commands.iter().enumerate() {
            if let Some(number) = map.number(slot::of(key.as_bytes())) {
                batches[usize::from(number)].push(n);
            }
        }
        let batches = (map.nodes.iter())
            .zip(&batches)
            .filter(|(_, batch)| !batch.is_empty());
        let sent = all(batches.map(async |(node, batch)| {
            let mut together = redis::pipe();
            for n in batch {
                together.add_command(commands[*n].1.clone());
            }
            let turn = node.pool.turn(what).await?;
            Ok((batch, turn.send_all(&together).await?))
        }))
        .await;
        for sent in sent {
            let (batch, answered) = sent.inspect_err(|_: &Error| self.doubt())?;
            for (n, answer) in batch.iter().zip(answered) {
                let is_elsewhere =
                    matches!(&answer, Value::ServerError(error) if is_not_done(&error.clone().into()));
                answers[*n] = Some(answer).filter(|_| !is_elsewhere);
            }
        }
        let mut all = Vec::with_capacity(commands.len());
        for (answer, (key, command)) in answers.into_iter().zip(commands) {
            all.push(match answer {
                Some(answer) => answer,
                None => Box::pin(self.send_raw(what, slot::of(key.as_bytes()), command)).await?,
            });
        }
        Ok(all)
    }

    /// Sends a command until a node has taken it or the time is up, and answers whatever the node said.
    async fn send_raw(&self, what: &'static str, slot: u16, command: &Cmd) -> Result<Value, Error> {
        let deadline = self.deadline();
        match timeout_at(deadline, self.follow(what, slot, command, deadline)).await {
            Ok(answer) => answer.inspect_err(|_| self.doubt()),
            Err(_elapsed) => {
                self.doubt();
                Err(failure::no_answer(what, &self.settings().shown, self.bound()))
            }
        }
    }

    async fn follow(
        &self,
        what: &'static str,
        slot: u16,
        command: &Cmd,
        deadline: Instant,
    ) -> Result<Value, Error> {
        let mut next = Next::Owner;
        let mut hops = 0;
        loop {
            if hops >= HOPS {
                // The nodes do not agree. They do soon.
                sleep(PAUSE).await;
            }
            hops += 1;
            let is_asking = matches!(next, Next::Ask(_));
            let node = match next {
                Next::Owner => self.owner(what, slot).await?,
                Next::Moved(node) | Next::Ask(node) => node,
            };
            let Some(turn) = self.turn(&node, what, slot).await? else {
                next = Next::Owner;
                continue;
            };
            let mut commands = redis::pipe();
            if is_asking {
                commands.cmd("ASKING");
            }
            commands.add_command(command.clone());
            let mut answers = turn.send_all(&commands).await?;
            let answer = answers.pop().ok_or_else(|| turn.nonsense())?;
            let Value::ServerError(error) = &answer else {
                return Ok(answer);
            };
            let error = RedisError::from(error.clone());
            if !is_not_done(&error) || Instant::now() + 2 * PAUSE > deadline {
                return Ok(answer);
            }
            next = match error
                .redirect_node()
                .and_then(|(place, _)| place_of(place, &node.place))
            {
                Some(place) if error.code() == Some("ASK") => Next::Ask(self.stranger(&place)),
                Some(place) => {
                    self.doubt();
                    Next::Moved(self.stranger(&place))
                }
                None => {
                    self.doubt();
                    sleep(PAUSE).await;
                    Next::Owner
                }
            };
        }
    }

    /// The node that has a slot, as soon as there is one.
    async fn owner(&self, what: &'static str, slot: u16) -> Result<Arc<Node>, Error> {
        let mut changes = self.changes();
        let has_owner = changes.wait_for(|map| map.owner(slot).is_some());
        // It cannot be closed while we are here. Whoever called us bounds the wait.
        let map = has_owner
            .await
            .map_err(|_| failure::no_slots(&self.settings().shown))?;
        let owner = map.owner(slot).map(Arc::clone);
        owner.ok_or_else(|| failure::nonsense(what, &self.settings().shown))
    }

    /// A connection to a node, unless it turns out while it is waited for who has the slot by now.
    async fn turn<'a>(
        &self,
        node: &'a Node,
        what: &'static str,
        slot: u16,
    ) -> Result<Option<Turn<'a>>, Error> {
        if node.pool.is_up() {
            return node.pool.turn(what).await.map(Some);
        }
        self.doubt();
        let mut changes = self.changes();
        let before = changes.borrow_and_update().owner(slot).map(Arc::clone);
        let has_moved = |map: &Arc<Map>| match (map.owner(slot), &before) {
            (Some(now), Some(before)) => !Arc::ptr_eq(now, before),
            (now, before) => now.is_some() != before.is_some(),
        };
        tokio::select! {
            turn = node.pool.turn(what) => turn.map(Some),
            _ = changes.wait_for(has_moved) => Ok(None),
        }
    }

    /// Takes an answer, unless it is an error.
    pub(super) fn accept(&self, what: &'static str, answer: Value) -> Result<Value, Error> {
        answer.extract_error().map_err(|error| match is_not_done(&error) {
            true => failure::nobody_has_it(what, &self.settings().shown, &error),
            false => failure::refused(what, &self.settings().shown, &error),
        })
    }
}

/// Whether a node does not know a script, which it then has certainly not run.
pub(super) fn is_unknown_script(answer: &Value) -> bool {
    match answer {
        Value::ServerError(error) => failure::is(&error.clone().into(), "NOSCRIPT"),
        _ => false,
    }
}

/// Whether an error says that a command was not done and belongs elsewhere, or comes too early.
fn is_not_done(error: &RedisError) -> bool {
    ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"].contains(&error.code().unwrap_or_default())
}

/// Reads where a node points to. Without a name it means its own.
fn place_of(text: &str, by: &Place) -> Option<Place> {
    let (name, port) = text.rsplit_once(':')?;
    let name = match (name, by) {
        ("", Place::Host { name, .. }) => name.clone(),
        (name, _) => name.to_owned(),
    };
    let port = port.parse().ok()?;
    Some(Place::Host { name, port })
}
