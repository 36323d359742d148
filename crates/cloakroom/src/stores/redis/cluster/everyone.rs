//! Goes through the sessions of everyone, a page of one node's keys at a time.

use std::sync::Arc;

use cloakroom_store::{Error, Id, Namespace};
use redis::Value;

use super::super::all::all;
use super::super::turn::Turn;
use super::super::{keys, scan};
use super::Inner;
use super::map::{Map, Node};
use super::slot::SLOTS;
use super::topology;
use super::tour::{Now, Tour};

/// How many steps of the key space are taken in one round trip.
const STEPS: usize = 512;

impl Inner {
    /// A tour that begins now.
    pub(super) async fn tour(&self, what: &'static str) -> Result<Tour, Error> {
        Ok(Tour::begin(&self.now(what).await?))
    }

    /// The next few sessions of a tour, which may be none, and where the tour is then: `None` at its end.
    pub(super) async fn step(
        &self,
        what: &'static str,
        namespace: &Namespace,
        mut tour: Tour,
    ) -> Result<(Vec<Id>, Option<Tour>), Error> {
        let Some(stop) = tour.stop() else {
            return Ok((Vec::new(), tour.next(&self.now(what).await?)));
        };
        let map = self.nodes.map();
        let Some(node) = map.nodes.iter().find(|node| node.id == stop) else {
            // Its replica has taken over, or it has given its slots away: the next tour goes there.
            tour.go_on();
            return Ok((Vec::new(), Some(tour)));
        };
        let turn = node.pool.turn(what).await.inspect_err(|_| self.nodes.doubt())?;
        if tour.run != turn.run_of_server() {
            // Another run keeps its keys in another order.
            (tour.run, tour.position) = (turn.run_of_server(), 0);
        }
        let (next, found) = scan::page(&turn, &self.keys, namespace, (tour.position, STEPS)).await?;
        tour.position = next;
        if next == 0 {
            tour.go_on();
        }
        let ids = found.iter().filter_map(|key| keys::id_of(key)).collect();
        Ok((ids, Some(tour)))
    }

    /// Who has which slots, and which are on their way, as those who have them say.
    async fn now(&self, what: &'static str) -> Result<Now, Error> {
        let map = self.nodes.refreshed().await?;
        let leaving = all(map.nodes.iter().map(async |node| {
            let turn = node.pool.turn(what).await?;
            leaving(node, &turn).await
        }))
        .await;
        let leaving: Result<Vec<_>, Error> = leaving.into_iter().collect();
        Ok(Now {
            owners: owners(&map),
            moving: leaving.inspect_err(|_| self.nodes.doubt())?.concat(),
        })
    }
}

async fn leaving(node: &Node, turn: &Turn<'_>) -> Result<Vec<(topology::NodeId, topology::NodeId)>, Error> {
    let mut question = redis::cmd("CLUSTER");
    question.arg("NODES");
    let answer: Value = turn.send(&question).await?;
    let leaving = topology::leaving(&answer).ok_or_else(|| turn.nonsense())?;
    Ok(leaving.into_iter().map(|(_, to)| (node.id, to)).collect())
}

fn owners(map: &Arc<Map>) -> Vec<Option<topology::NodeId>> {
    let slots = 0..SLOTS as u16;
    slots.map(|slot| map.owner(slot).map(|node| node.id)).collect()
}
