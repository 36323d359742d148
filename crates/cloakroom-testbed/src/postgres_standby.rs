//! A standby of PostgreSQL: follows a primary over the network, and takes its place when it is told to.

use std::ops::Deref;

use crate::postgres::{self, Postgres};
use crate::{Program, Proxy, Server, wait_until};

const PG_BASEBACKUP: Program = postgres::program("CLOAKROOM_PG_BASEBACKUP", &["pg_basebackup"]);
const PG_CTL: Program = postgres::program("CLOAKROOM_PG_CTL", &["pg_ctl"]);

/// A server that follows another one, through a [`Proxy`] that can hold up what it is sent.
#[derive(Debug)]
pub struct Standby {
    server: Postgres,
    way: Proxy,
}

impl Standby {
    /// Copies the primary, and follows it.
    ///
    /// # Panics
    ///
    /// When it does not come to follow.
    pub fn of(primary: &Postgres) -> Self {
        let way = Proxy::to(primary.address());
        let (address, password) = (way.address(), Postgres::PASSWORD);
        let primary_url = format!("postgres://cloakroom:{password}@{address}/postgres");
        let server = Postgres::start_over(&[], |directory| {
            postgres::own(directory);
            let mut copying = postgres::as_user(&PG_BASEBACKUP);
            copying
                // With a file that makes the copy a standby, and says whom it follows.
                .args(["--write-recovery-conf", "--no-sync", "--checkpoint=fast"])
                .args(["--dbname", &primary_url, "--pgdata"])
                .arg(postgres::data(directory));
            postgres::run(&mut copying);
        });
        wait_until("the standby to follow", || {
            let followers = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
            primary.ask(followers).as_deref() == Ok("1")
        });
        Self { server, way }
    }

    /// Holds up what the primary sends: the standby falls behind, and nothing says so.
    pub fn fall_behind(&self) {
        self.way.stall();
    }

    /// Loses what was held up, and closes the way to the primary.
    pub fn lose_what_was_held_up(&self) {
        self.way.drop_connections();
    }

    /// Makes it the primary, over all that has reached it.
    ///
    /// # Panics
    ///
    /// When it does not become one.
    pub fn promote(&self) {
        let mut promoting = postgres::as_user(&PG_CTL);
        promoting
            .args(["promote", "--wait", "--timeout=60", "--pgdata"])
            .arg(postgres::data(self.server.directory()));
        postgres::run(&mut promoting);
    }

    /// The URL of the database on whichever of the two is the primary.
    pub fn url_with(&self, primary: &Postgres) -> String {
        let (first, own) = (primary.address(), self.server.address());
        primary
            .url()
            .replace(&first.to_string(), &format!("{first},{own}"))
    }
}

impl Deref for Standby {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}
