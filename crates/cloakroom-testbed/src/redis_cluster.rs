//! A cluster of Redis or Valkey: primaries that share the slots, each with a replica where a test wants one.

use crate::redis::{Redis, RedisLaunch};
use crate::{Certificates, Proxy, server, wait_until};

/// A cluster on ports of its own.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
    /// What stands before each node, if anything does.
    proxies: Vec<Proxy>,
    primaries: usize,
    password: Option<&'static str>,
    encrypts: bool,
}

/// How a cluster is started.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisClusterLaunch {
    node: RedisLaunch,
    primaries: usize,
    replicas: usize,
    password: Option<&'static str>,
    certificates: Option<Certificates>,
    is_behind_proxies: bool,
}

const SLOTS: usize = 16384;

impl RedisClusterLaunch {
    /// So many primaries, without replicas.
    pub fn new(primaries: usize) -> Self {
        let node = RedisLaunch::default()
            .with("cluster-enabled yes")
            // Long enough for a busy machine: a primary that is only slow is not replaced, which would lose writes.
            .with("cluster-node-timeout 2000")
            .with("cluster-replica-validity-factor 0")
            .with("repl-diskless-sync-delay 0")
            .with("repl-ping-replica-period 1");
        Self {
            node,
            primaries,
            replicas: 0,
            password: None,
            certificates: None,
            is_behind_proxies: false,
        }
    }

    /// So many replicas for each primary.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// Nodes that want this password.
    pub fn password(mut self, password: &'static str) -> Self {
        self.node = self.node.password(password);
        self.password = Some(password);
        self
    }

    /// Nodes that keep everything, on the disk before they answer.
    pub fn durable(mut self) -> Self {
        self.node = self.node.durable();
        self
    }

    /// Nodes that speak TLS, to applications and among each other.
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        self.certificates = Some(certificates.clone());
        self
    }

    /// Nodes that are reached through a [`Proxy`] each, and tell everybody so.
    pub fn behind_proxies(mut self) -> Self {
        self.is_behind_proxies = true;
        self
    }

    /// Starts it, and waits until it is in order.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start(self) -> RedisCluster {
        let mut cluster = RedisCluster {
            nodes: Vec::new(),
            proxies: Vec::new(),
            primaries: self.primaries,
            password: self.password,
            encrypts: self.certificates.is_some(),
        };
        for _ in 0..self.primaries * (1 + self.replicas) {
            // Not ten thousand above the other: those the kernel gives away.
            let bus = server::free_port();
            let mut node = self.node.clone().with(format!("cluster-port {bus}"));
            if let Some(certificates) = &self.certificates {
                node = node.tls_everywhere(certificates).with("tls-cluster yes");
            }
            if self.is_behind_proxies {
                let proxy = Proxy::to_nowhere();
                node = node.with(format!("cluster-announce-port {}", proxy.address().port()));
                cluster.proxies.push(proxy);
            }
            cluster.nodes.push(node.start());
        }
        for (proxy, node) in cluster.proxies.iter().zip(&cluster.nodes) {
            proxy.lead_to(node.server().address());
        }
        cluster.meet();
        cluster.share_slots();
        cluster.is_ok();
        cluster.replicate();
        cluster
    }
}

impl RedisCluster {
    /// So many primaries of Redis, which share the slots evenly, and no replicas.
    ///
    /// # Panics
    ///
    /// When they do not come up.
    pub fn start(primaries: usize) -> Self {
        RedisClusterLaunch::new(primaries).start()
    }

    /// Its URL, naming the first two primaries.
    pub fn url(&self) -> String {
        let hosts = (0..self.primaries.min(2)).map(|node| format!("127.0.0.1:{}", self.port(node)));
        let hosts: Vec<_> = hosts.collect();
        let credentials = self
            .password
            .map(|password| format!(":{password}@"))
            .unwrap_or_default();
        let scheme = match self.encrypts {
            true => "rediss-cluster",
            false => "redis-cluster",
        };
        format!("{scheme}://{credentials}{}", hosts.join(","))
    }

    /// The port by which everybody knows a node.
    fn port(&self, node: usize) -> u16 {
        match self.proxies.get(node) {
            Some(proxy) => proxy.address().port(),
            None => self.nodes[node].service_port(),
        }
    }

    /// The nodes: the primaries first, as it was in the beginning.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// What stands before each node.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The nodes that had slots in the beginning.
    pub fn primaries(&self) -> &[Redis] {
        &self.nodes[..self.primaries]
    }

    /// The name of a node in the cluster.
    pub fn id(&self, node: usize) -> String {
        self.nodes[node].command(&["CLUSTER", "MYID"])
    }

    /// Which node has a slot.
    ///
    /// # Panics
    ///
    /// When none has it, or no node answers.
    pub fn owner(&self, slot: u16) -> usize {
        let mut views = (0..self.nodes.len()).filter_map(|node| self.owner_by(node, slot));
        views.next().expect("a node answers and knows who has the slot")
    }

    /// Which node has a slot, as one of them sees it.
    pub fn owner_by(&self, node: usize, slot: u16) -> Option<usize> {
        let nodes = self.nodes[node].try_command(&["CLUSTER", "NODES"]).ok()?;
        let has = |line: &&str| {
            line.split_whitespace().skip(8).any(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                matches!((first.parse(), last.parse()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
            })
        };
        let place = nodes.lines().find(has)?.split_whitespace().nth(1)?;
        // Asked without TLS, it names the ports without TLS.
        let port = |node: usize| match self.proxies.get(node) {
            Some(proxy) => proxy.address().port(),
            None => self.nodes[node].server().port(),
        };
        (0..self.nodes.len()).find(|node| place.contains(&format!(":{}@", port(*node))))
    }

    /// Moves a slot with its keys from one primary to another, as `redis-cli` does it, and waits until all nodes know. One
    /// that is moved on before loses keys: nodes that take slots at the same time can come by the same epoch.
    ///
    /// # Panics
    ///
    /// When a node does not do its part.
    pub fn migrate(&self, slot: u16, from: usize, to: usize) {
        let (number, new_owner) = (slot, to);
        let slot = slot.to_string();
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        // Nodes that speak TLS do it here too.
        let port = self.port(to).to_string();
        let (from, to) = (self.id(from), self.id(to));
        target.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from]);
        source.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to]);
        loop {
            let keys = source.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1"]);
            if keys.is_empty() {
                break;
            }
            let moving = ["MIGRATE", "127.0.0.1", &port, &keys, "0", "5000"];
            let password = self.password.map(|password| ["AUTH", password]);
            source.command(&[&moving[..], password.as_ref().map_or(&[], |words| &words[..])].concat());
        }
        target.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to]);
        source.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to]);
        for node in 0..self.nodes.len() {
            wait_until("all nodes to know who has the slot", || {
                self.owner_by(node, number) == Some(new_owner)
            });
        }
        wait_until(
            "no two nodes to have the same epoch, and all to know the latest",
            || self.epochs_are_settled(),
        );
    }

    /// A node that does not know the latest epoch takes a slot with an older one, and those who know better never hear of it.
    fn epochs_are_settled(&self) -> bool {
        let primaries = self.primaries();
        let told = primaries
            .iter()
            .filter_map(|node| node.try_command(&["CLUSTER", "INFO"]).ok());
        let told: Vec<_> = told.collect();
        let all = |name: &str| {
            let lines = told.iter().flat_map(|info| info.lines());
            let mut all: Vec<_> = lines.filter_map(|line| line.strip_prefix(name)).collect();
            all.sort_unstable();
            all
        };
        let differ = |pair: &[&str]| pair[0] != pair[1];
        all("cluster_my_epoch:").windows(2).all(differ)
            && !all("cluster_current_epoch:").windows(2).any(differ)
    }

    /// Waits until all that run agree that every slot has somebody.
    ///
    /// # Panics
    ///
    /// When they do not.
    pub fn is_ok(&self) {
        for node in self.nodes.iter().filter(|node| node.server().id().is_some()) {
            wait_until("the cluster to be in order", || {
                let info = node.try_command(&["CLUSTER", "INFO"]).unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
            });
        }
    }

    fn meet(&self) {
        for (epoch, node) in (1..).zip(&self.nodes) {
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &format!("{epoch}")]);
        }
        let first = &self.nodes[0];
        for (number, node) in self.nodes.iter().enumerate().skip(1) {
            let port = self.port(number).to_string();
            let settings = node.command(&["CONFIG", "GET", "cluster-port"]);
            let bus = settings.lines().nth(1).unwrap_or_default().to_owned();
            first.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
        for node in &self.nodes {
            wait_until("the nodes to know each other", || {
                let nodes = node.command(&["CLUSTER", "NODES"]);
                nodes.lines().filter(|line| !line.contains("handshake")).count() == self.nodes.len()
            });
        }
    }

    fn share_slots(&self) {
        for n in 0..self.primaries {
            let first = (SLOTS * n / self.primaries).to_string();
            let last = (SLOTS * (n + 1) / self.primaries - 1).to_string();
            self.nodes[n].command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
        }
    }

    fn replicate(&self) {
        let replicas = &self.nodes[self.primaries..];
        for (n, replica) in replicas.iter().enumerate() {
            let primary = self.id(n % self.primaries);
            replica.command(&["CLUSTER", "REPLICATE", &primary]);
        }
        if !replicas.is_empty() {
            for primary in self.primaries() {
                primary.is_followed_by(replicas.len() / self.primaries);
            }
        }
    }
}
