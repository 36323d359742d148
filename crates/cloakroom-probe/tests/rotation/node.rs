//! Three nodes over one store, each with its own copy of the key file.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;

use cloakroom::stores::disk::{Disk, DiskOptions, Durability};
use cloakroom::{Error, KeyFile, KeyId, KeyRing, KeyUse, KeyWatcher, Keys, Looked, Sessions};
use cloakroom_probe::{Pause, app};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::new_file;

/// Three nodes over one store.
pub(crate) struct Cluster {
    /// What an operator changes.
    pub(crate) master: KeyFile,
    pub(crate) nodes: Vec<Node>,
    _directory: TempDir,
}

/// One of them, which looks at its copy of the file when it is told to.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) keys: KeyRing,
    pub(crate) watcher: KeyWatcher,
    copy: KeyFile,
}

impl Cluster {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let master = new_file(&directory.path().join("keys"));
        // Nothing crashes here, so nothing waits for the disk.
        let longest = std::time::Duration::from_secs(60);
        let options = DiskOptions::default().durability(Durability::Within(longest));
        let store = options.open(directory.path().join("sessions")).await.unwrap();
        let mut nodes = Vec::new();
        for number in 0..3 {
            let copy = KeyFile::new(directory.path().join(format!("keys-of-node-{number}")));
            fs::copy(master.path(), copy.path()).unwrap();
            nodes.push(Node::start(store.clone(), copy).await);
        }
        Self {
            master,
            nodes,
            _directory: directory,
        }
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    pub(crate) fn active(&self) -> KeyId {
        self.master.read().unwrap().active().id
    }

    /// What an operator does. No node knows yet.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Keys) -> Result<T, Error>) -> T {
        self.master.change(change).unwrap()
    }

    /// The file reaches a node, which looks at it.
    pub(crate) fn hear(&mut self, node: usize) {
        let bytes = fs::read(self.master.path()).unwrap();
        self.nodes[node].put(&bytes);
        assert_eq!(self.nodes[node].watcher.look().unwrap(), Looked::Changed);
    }

    /// What each node has used a key for.
    pub(crate) fn uses(&self, key: KeyId) -> impl Iterator<Item = KeyUse> {
        let all = self.nodes.iter().flat_map(|node| node.keys.uses());
        all.filter(move |used| used.key.id == key)
    }
}

impl Node {
    async fn start(store: Disk, copy: KeyFile) -> Self {
        let keys = KeyRing::from(copy.read().unwrap());
        let sessions = Sessions::new(store).keys(keys.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = app(&sessions, Pause::default());
        // It ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            watcher: copy.watch(&keys),
            keys,
            copy,
        }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// Writes this node's copy, as whatever distributes files would.
    pub(crate) fn put(&self, bytes: &[u8]) {
        let new = self.copy.path().with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .unwrap();
        file.write_all(bytes).unwrap();
        fs::rename(new, self.copy.path()).unwrap();
    }
}
