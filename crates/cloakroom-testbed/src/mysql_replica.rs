//! A replica of MariaDB: follows a primary over the network, and takes its place when it is told to.

use std::net::SocketAddr;

use crate::mysql::Mysqld;
use crate::{Proxy, Server, wait_until};

/// A primary and its replica, and an address that leads to whichever of them is the primary: as a proxy or a name that
/// moves does it.
#[derive(Debug)]
pub struct Replicated {
    primary: Mysqld,
    replica: Mysqld,
    /// The way from the replica to the primary.
    way: Proxy,
    /// The way of the applications.
    entrance: Proxy,
}

/// When the primary answers a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answers {
    /// When it has it itself, as it is delivered.
    AtOnce,
    /// When the replica has it in its log (semi-synchronous, `AFTER_SYNC`), however long that takes.
    WhenTheReplicaHasIt,
}

impl Replicated {
    /// Starts both, and waits until the replica follows.
    ///
    /// # Panics
    ///
    /// When it does not come to follow.
    pub fn start(answers: Answers) -> Self {
        let waits = answers == Answers::WhenTheReplicaHasIt;
        let mut of_primary = vec!["--server-id=1", "--log-bin=log", "--sync-binlog=1"];
        let mut of_replica = vec!["--server-id=2", "--read-only=ON", "--relay-log=relay"];
        if waits {
            of_primary.extend([
                "--rpl-semi-sync-master-enabled=ON",
                "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
                // In milliseconds: an hour. Then the primary would go on without the replica.
                "--rpl-semi-sync-master-timeout=3600000",
            ]);
            of_replica.push("--rpl-semi-sync-slave-enabled=ON");
        }
        let replica = Mysqld::start_with(&of_replica);
        // It answers nobody before somebody follows, so it is started as one that does not wait.
        let mut beginning = of_primary.clone();
        if waits {
            beginning.push("--rpl-semi-sync-master-enabled=OFF");
        }
        let primary = Mysqld::start_with(&beginning);
        let way = Proxy::to(primary.server().address());
        let follow = format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='admin', MASTER_PASSWORD='{}', \
             MASTER_USE_GTID=slave_pos; START SLAVE",
            way.address().port(),
            Mysqld::PASSWORD,
        );
        told(&replica, &follow);
        wait_until("the replica to follow", || {
            status(&replica).contains("has read all relay log")
        });
        if waits {
            told(&primary, "SET GLOBAL rpl_semi_sync_master_enabled=ON");
            wait_until("the primary to wait for the replica", || {
                let clients = "SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'";
                primary.ask(clients).is_ok_and(|answer| answer.ends_with("\t1"))
            });
        }
        let entrance = Proxy::to(primary.server().address());
        Self {
            primary,
            replica,
            way,
            entrance,
        }
    }

    /// Where applications find whichever is the primary.
    pub fn url(&self) -> String {
        let of = |address: SocketAddr| address.to_string();
        let (first, entrance) = (of(self.primary.server().address()), of(self.entrance.address()));
        self.primary.url().replace(&first, &entrance)
    }

    /// The server that is the primary in the beginning.
    pub fn primary(&self) -> &Server {
        self.primary.server()
    }

    /// Asks the first server something, as somebody who may do everything.
    ///
    /// # Errors
    ///
    /// With what the server or its client says.
    pub fn ask_primary(&self, statement: &str) -> Result<String, String> {
        self.primary.ask(statement)
    }

    /// Holds up what the primary sends to the replica: it falls behind, and nothing says so.
    pub fn fall_behind(&self) {
        self.way.stall();
    }

    /// Lets through what was held up.
    pub fn catch_up(&self) {
        self.way.resume();
    }

    /// Loses what was held up, and closes the way to the primary.
    pub fn lose_what_was_held_up(&self) {
        self.way.drop_connections();
    }

    /// Makes the replica the primary, over all that has reached it, and leads the applications there.
    ///
    /// # Panics
    ///
    /// When it does not become one.
    pub fn promote(&self) {
        told(&self.replica, "STOP SLAVE IO_THREAD");
        let status = status(&self.replica);
        let received = status
            .lines()
            .find_map(|line| line.trim().strip_prefix("Gtid_IO_Pos: "))
            .expect("a replica says what has reached it");
        let applied = format!("SELECT MASTER_GTID_WAIT('{received}', 60)");
        let answer = self.replica.ask(&applied);
        let applied = answer.as_ref().is_ok_and(|answer| answer.ends_with("\n0"));
        assert!(applied, "it applies what it has: {answer:?}");
        told(
            &self.replica,
            "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=OFF",
        );
        self.entrance.lead_to(self.replica.server().address());
        self.entrance.drop_connections();
    }
}

fn told(server: &Mysqld, statements: &str) {
    let answer = server.ask(statements);
    answer.unwrap_or_else(|error| panic!("{statements}: {error}"));
}

fn status(replica: &Mysqld) -> String {
    replica.ask("SHOW SLAVE STATUS\\G").unwrap_or_default()
}
