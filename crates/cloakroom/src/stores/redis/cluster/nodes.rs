//! The nodes of a cluster, with connections to each, and a task that keeps up with who has which slots.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_store::Error;
use redis::{Pipeline, RedisConnectionInfo, Value};
use rustls::ClientConfig;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, interval, sleep, timeout};

use super::super::address::{Address, Place};
use super::super::all::all;
use super::super::failure;
use super::super::pool::Pool;
use super::super::server::Server;
use super::map::{Map, Node};
use super::topology::{NodeId, Topology};

/// The nodes of a cluster.
pub(super) struct Nodes {
    settings: Settings,
    map: watch::Sender<Arc<Map>>,
    /// Nodes that others have named and the map does not have, for as long as it stays as it is. Locked to look one up.
    strangers: Mutex<Vec<Arc<Node>>>,
    /// Told when somebody was sent elsewhere, or got no answer.
    is_doubted: Notify,
}

/// How to reach a node.
pub(super) struct Settings {
    /// Where to ask first, and when no known node answers.
    pub(super) seeds: Vec<Place>,
    /// How the cluster is called in messages.
    pub(super) shown: String,
    pub(super) login: RedisConnectionInfo,
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// How many connections to each node.
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    pub(super) wait_timeout: Duration,
    pub(super) operation_timeout: Duration,
    /// Set once the store has promised that nothing is dropped: from then on a node that evicts is refused.
    pub(super) must_keep_all: Arc<AtomicBool>,
}

const WHAT: &str = "ask who has which slots";

/// How often the nodes are asked while all seems well.
const ASKED: Duration = Duration::from_secs(5);

/// How long to wait before they are asked once more, whoever doubts.
const AT_MOST: Duration = Duration::from_millis(50);

impl Nodes {
    /// Asks the seeds who has which slots.
    ///
    /// # Errors
    ///
    /// When none of them answers as a node of a cluster does.
    pub(super) async fn find(settings: Settings) -> Result<Self, Error> {
        let nodes = Self {
            map: watch::Sender::new(Arc::new(Map::default())),
            strangers: Mutex::default(),
            is_doubted: Notify::new(),
            settings,
        };
        let topology = nodes.ask_around().await?;
        nodes.take_up(&topology);
        Ok(nodes)
    }

    /// Keeps up with the cluster for as long as this is polled.
    pub(super) async fn keep_up(self: Arc<Self>) {
        let mut asking = interval(ASKED);
        loop {
            tokio::select! {
                () = self.is_doubted.notified() => {}
                _ = asking.tick() => {}
            }
            // Whoever needs to know learns from the call that fails.
            if let Ok(topology) = self.ask_around().await {
                self.take_up(&topology);
            }
            sleep(AT_MOST).await;
        }
    }

    /// Has the nodes asked again, soon.
    pub(super) fn doubt(&self) {
        self.is_doubted.notify_one();
    }

    /// Who has which slots.
    pub(super) fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.borrow())
    }

    /// Tells when that has changed.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<Map>> {
        self.map.subscribe()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Asks again, now.
    ///
    /// # Errors
    ///
    /// When nobody answers.
    pub(super) async fn refreshed(&self) -> Result<Arc<Map>, Error> {
        let topology = self.ask_around().await?;
        self.take_up(&topology);
        Ok(self.map())
    }

    /// Asks every node that there is a connection to, and believes the one that knows of the latest changes.
    async fn ask_around(&self) -> Result<Topology, Error> {
        let map = self.map();
        let up = map.nodes.iter().filter(|node| node.pool.is_up());
        let answers = all(up.map(|node| self.ask(node))).await;
        if let Ok(newest) = self.newest(answers) {
            return Ok(newest);
        }
        let mut places: Vec<&Place> = Vec::new();
        for place in map
            .nodes
            .iter()
            .map(|node| &node.place)
            .chain(&self.settings.seeds)
        {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let answers = all(places.into_iter().map(|place| self.ask_directly(place))).await;
        self.newest(answers)
    }

    fn newest(&self, answers: Vec<Result<Topology, Error>>) -> Result<Topology, Error> {
        let mut failed = None;
        let mut newest: Option<Topology> = None;
        for answer in answers {
            match answer {
                Ok(topology) => {
                    let rank = |topology: &Topology| (topology.is_ok, topology.epoch);
                    if newest
                        .as_ref()
                        .is_none_or(|newest| rank(newest) < rank(&topology))
                    {
                        newest = Some(topology);
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match newest {
            Some(newest) if !newest.ranges.is_empty() => Ok(newest),
            _ => Err(failed.unwrap_or_else(|| failure::no_slots(&self.settings.shown))),
        }
    }

    async fn ask(&self, node: &Node) -> Result<Topology, Error> {
        let turn = node.pool.turn(WHAT).await?;
        let answers = turn.send_all(&questions()).await?;
        self.read(&node.place, answers)
    }

    /// Asks over a connection of its own.
    async fn ask_directly(&self, place: &Place) -> Result<Topology, Error> {
        let server = self.server(place);
        let asking = async {
            let (mut connection, _driving) = server.open(place, &self.settings.login).await?;
            connection.send_packed_commands(&questions(), 0, 2).await
        };
        let Ok(answers) = timeout(self.settings.connect_timeout, asking).await else {
            return Err(failure::no_answer(
                WHAT,
                &server.shown,
                self.settings.connect_timeout,
            ));
        };
        self.read(
            place,
            answers.map_err(|error| failure::not_connected(&server.shown, &error))?,
        )
    }

    fn read(&self, place: &Place, answers: Vec<Value>) -> Result<Topology, Error> {
        let shown = place.to_string();
        let mut accepted = Vec::with_capacity(answers.len());
        for answer in answers {
            let answer = answer.extract_error();
            accepted.push(answer.map_err(|error| failure::not_connected(&shown, &error))?);
        }
        let topology = match &*accepted {
            [info, slots] => Topology::read(info, slots, place),
            _ => None,
        };
        topology.ok_or_else(|| failure::nonsense(WHAT, &shown))
    }

    /// Keeps the connections to those that stay.
    fn take_up(&self, topology: &Topology) {
        let before = self.map();
        let mut map = Map {
            epoch: topology.epoch,
            ..Map::default()
        };
        for range in &topology.ranges {
            let owner = &range.owner;
            let same = |node: &&Arc<Node>| node.id == owner.id && node.place == owner.place;
            let number = map.nodes.iter().position(|node| same(&node)).unwrap_or_else(|| {
                let kept = before.nodes.iter().find(same).map(Arc::clone);
                map.nodes
                    .push(kept.unwrap_or_else(|| self.node(owner.id, &owner.place)));
                map.nodes.len() - 1
            });
            let slots = usize::from(range.first)..=usize::from(range.last);
            map.owners[slots].fill(u16::try_from(number).ok());
        }
        let changed = self.map.send_if_modified(|present| {
            let changed = !present.is_as(&map);
            if changed {
                *present = Arc::new(map);
            }
            changed
        });
        if changed {
            // The map has them now, or nobody names them any more.
            self.strangers().clear();
        }
    }

    fn node(&self, id: NodeId, place: &Place) -> Arc<Node> {
        Arc::new(Node {
            id,
            place: place.clone(),
            pool: Pool::new(
                Arc::new(self.server(place)),
                self.settings.connections,
                self.settings.wait_timeout,
                None,
                None,
            ),
        })
    }

    fn server(&self, place: &Place) -> Server {
        let settings = &self.settings;
        Server {
            address: Address {
                place: place.clone(),
                tls: settings.tls.is_some(),
                login: settings.login.clone(),
            },
            shown: place.to_string(),
            tls: settings.tls.clone(),
            connect_timeout: settings.connect_timeout,
            operation_timeout: settings.operation_timeout,
            must_keep_all: Arc::clone(&settings.must_keep_all),
        }
    }

    /// A node that another one has named and the map does not have yet. Connections to it are kept, for those who are sent
    /// there next.
    pub(super) fn stranger(&self, place: &Place) -> Arc<Node> {
        let map = self.map();
        let mut strangers = self.strangers();
        let known = map
            .nodes
            .iter()
            .chain(&*strangers)
            .find(|node| node.place == *place);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let stranger = self.node(NodeId([0; 20]), place);
        strangers.push(Arc::clone(&stranger));
        stranger
    }

    fn strangers(&self) -> MutexGuard<'_, Vec<Arc<Node>>> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when a call that begins now must be answered.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.bound()
    }

    /// How long a call may take.
    pub(super) fn bound(&self) -> Duration {
        self.settings.wait_timeout + self.settings.operation_timeout
    }
}

fn questions() -> Pipeline {
    let mut questions = redis::pipe();
    questions.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
    questions
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Nodes").field(&self.settings.shown).finish()
    }
}
