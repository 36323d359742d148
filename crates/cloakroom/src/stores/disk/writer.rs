//! The one writer: takes everything that waits, applies it in one transaction, commits once, answers all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::Database;

use super::engine::Engine;
use super::failure::{Failure, Fault};
use super::job::{Change, Job};
use super::options::Durability;
use super::stats::Counters;
use super::tables::{self, Revisions, Tables};
use crate::stores::queue::{Queue, Taken, Writing};

/// How long touches wait to be synced, and how soon a failed engine is tried again.
const TICK: Duration = Duration::from_secs(1);

/// Runs on a thread of its own until the queue is closed.
pub(super) struct Writer {
    pub(super) engine: Arc<Engine>,
    pub(super) queue: Arc<Queue<Box<dyn Job>>>,
    pub(super) counters: Arc<Counters>,
    pub(super) durability: Durability,
    pub(super) revisions: Revisions,
    /// Since when something is committed that a crash would take back.
    pub(super) unsynced: Option<Instant>,
}

/// How a group was committed.
enum Committed {
    /// Nothing had changed.
    Not,
    Lossy,
    Durably,
}

impl Writer {
    /// Carries out what comes until nothing more does, then leaves everything on the disk.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        let _writing = Writing::of(&self.queue);
        loop {
            match self.queue.take(self.patience()) {
                Taken::Jobs(jobs) => self.carry_out(jobs),
                // The time has come to sync, or to try again. Who waits is told about failures, and nobody waits.
                Taken::Nothing => drop(self.commit(&mut [])),
                Taken::Closed => break,
            }
        }
        let synced = match self.unsynced {
            Some(_) => self.commit(&mut []),
            None => Ok(()),
        };
        self.engine.close();
        synced
    }

    fn carry_out(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        self.counters.count_requests(jobs.len());
        let committed = self.commit(&mut jobs);
        for job in jobs {
            job.answer(committed.as_ref().copied(), self.engine.path());
        }
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let sync = jobs.is_empty() || self.unsynced.is_some_and(|since| since.elapsed() >= self.tick());
        let engine = Arc::clone(&self.engine);
        match engine.write(|database| self.transact(database, jobs, sync))? {
            Committed::Not => {}
            Committed::Lossy => {
                self.unsynced.get_or_insert_with(Instant::now);
                self.counters.count_commit(false);
            }
            Committed::Durably => {
                self.unsynced = None;
                self.counters.count_commit(true);
            }
        }
        Ok(())
    }

    /// Applies the jobs in one transaction. When this fails, none of them has happened.
    fn transact(
        &mut self,
        database: &Database,
        jobs: &mut [Box<dyn Job>],
        sync: bool,
    ) -> Result<Committed, Fault> {
        let mut transaction = database.begin_write()?;
        let mut tables = Tables::open(&transaction, &mut self.revisions)?;
        let mut change = Change::None;
        for job in jobs {
            change = change.max(job.apply(&mut tables)?);
        }
        drop(tables);
        let sync_again = self.unsynced.is_some() && sync;
        if change == Change::None && !sync_again {
            return Ok(Committed::Not);
        }
        let due = self.revisions.due();
        if let Some(kept) = due {
            tables::keep_revisions(&transaction, kept)?;
        }
        let durable = sync || due.is_some() || (change == Change::Durable && self.syncs_each_commit());
        if !durable {
            transaction.set_durability(redb::Durability::None)?;
        }
        transaction.commit()?;
        if let Some(kept) = due {
            self.revisions.keep(kept);
        }
        Ok(if durable {
            Committed::Durably
        } else {
            Committed::Lossy
        })
    }

    fn syncs_each_commit(&self) -> bool {
        matches!(self.durability, Durability::EveryCommit)
    }

    /// How long what a crash may take back waits to be synced.
    fn tick(&self) -> Duration {
        match self.durability {
            Durability::EveryCommit => TICK,
            Durability::Within(time) => time,
        }
    }

    /// How long to wait for jobs before there is something else to do.
    fn patience(&self) -> Option<Duration> {
        if self.engine.has_failed() {
            return Some(TICK);
        }
        let since = self.unsynced?;
        Some(self.tick().saturating_sub(since.elapsed()))
    }
}
