//! The one writer: takes everything that waits, applies it in one transaction, commits once, answers all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::connection::{self, patiently};
use super::failure::Fault;
use super::file::DataFile;
use super::job::Job;
use super::options::{SqliteOptions, Synchronous};
use super::readers::Readers;
use crate::stores::queue::{Queue, Taken, Writing};

/// Runs on a thread of its own until the queue is closed.
pub(super) struct Writer {
    file: DataFile,
    queue: Arc<Queue<Box<dyn Job>>>,
    readers: Arc<Readers>,
    options: SqliteOptions,
    /// None after a failure, until it is opened again for what comes next.
    connection: Option<Connection>,
    /// When another process was last seen to write.
    contended: Option<Instant>,
}

/// For how long one that has written is expected to write again.
const COMPANY: Duration = Duration::from_secs(1);

/// How long others are let in between two transactions: longer than they rest between two tries.
const TURN: Duration = Duration::from_millis(2);

/// Why a group was taken back.
enum Halt {
    /// One of the jobs did not work out, or there was no room for them all: each may by itself.
    Apart(Fault),
    /// None would.
    All(Fault),
}

impl Writer {
    pub(super) fn new(
        file: DataFile,
        queue: Arc<Queue<Box<dyn Job>>>,
        readers: Arc<Readers>,
        options: SqliteOptions,
        connection: Connection,
    ) -> Self {
        Self {
            file,
            queue,
            readers,
            options,
            connection: Some(connection),
            contended: None,
        }
    }

    /// Carries out what comes until nothing more does.
    pub(super) fn run(mut self) {
        let _writing = Writing::of(&self.queue);
        while let Taken::Jobs(jobs) = self.queue.take(None) {
            let began = Instant::now();
            self.carry_out(jobs);
            if self.contended.is_some_and(|seen| seen.elapsed() < COMPANY) {
                // Who comes back at once would keep the others out: they can only try now and then.
                thread::sleep(began.elapsed().clamp(TURN, 5 * TURN));
            }
        }
        // The last one to close brings the log into the file.
        self.readers.close();
    }

    fn carry_out(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        match self.commit_or_catch(&mut jobs) {
            Err(Halt::Apart(fault)) if fault.is_full() || jobs.len() > 1 => {
                if fault.is_full() {
                    self.empty_log();
                }
                for job in jobs {
                    let mut alone = vec![job];
                    let committed = self.commit_or_catch(&mut alone);
                    self.answer(alone, &committed);
                }
            }
            committed => self.answer(jobs, &committed),
        }
    }

    fn answer(&self, jobs: Vec<Box<dyn Job>>, committed: &Result<(), Halt>) {
        for job in jobs {
            job.answer(match committed {
                Ok(()) => Ok(()),
                Err(Halt::Apart(fault) | Halt::All(fault)) => Err(fault.error(self.file.path())),
            });
        }
    }

    /// Brings the log into the file, so that it can be begun anew: where that needs no more room, writes go on.
    fn empty_log(&self) {
        if let Some(connection) = &self.connection {
            // If it does not help, the next commit says why.
            drop(connection.execute_batch("PRAGMA wal_checkpoint(RESTART)"));
        }
    }

    /// As [`commit`](Self::commit), where a panic is an answer too: the others go on.
    fn commit_or_catch(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Result<(), Halt> {
        // What may be left half done is the connection's, and that is closed: another one is opened for what comes next.
        catch_unwind(AssertUnwindSafe(|| self.commit(jobs))).unwrap_or(Err(Halt::Apart(Fault::Panicked)))
    }

    /// Applies the jobs that somebody still waits for, and forgets the others. When this fails, none has happened.
    fn commit(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Result<(), Halt> {
        jobs.retain(|job| job.is_awaited());
        if jobs.is_empty() {
            return Ok(());
        }
        let connection = self.open().map_err(Halt::All)?;
        let committed = self.commit_on(&connection, jobs);
        let usable = match &committed {
            Ok(()) => true,
            Err(Halt::Apart(fault) | Halt::All(fault)) => fault.leaves_connection(),
        };
        if usable {
            self.connection = Some(connection);
        }
        committed
    }

    fn commit_on(&mut self, connection: &Connection, jobs: &mut Vec<Box<dyn Job>>) -> Result<(), Halt> {
        let durable = jobs.iter().any(|job| job.is_durable());
        self.set_synchronous(connection, durable).map_err(Halt::All)?;
        let transaction = self.begin(connection).map_err(Halt::All)?;
        // Who gave up while another process had the lock must not find later that it was done after all.
        jobs.retain(|job| job.is_awaited());
        for job in jobs {
            job.apply(&transaction).map_err(Halt::Apart)?;
        }
        transaction.commit().map_err(|error| match Fault::from(error) {
            full if full.is_full() => Halt::Apart(full),
            other => Halt::All(other),
        })
    }

    fn begin<'c>(&mut self, connection: &'c Connection) -> Result<Transaction<'c>, Fault> {
        let mut tries = 0;
        let begun = patiently(self.options.wait_timeout, || {
            tries += 1;
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
            Ok(transaction?)
        });
        if tries > 1 {
            self.contended = Some(Instant::now());
        }
        begun
    }

    fn open(&mut self) -> Result<Connection, Fault> {
        self.readers.see_that_it_is_there()?;
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => patiently(self.options.wait_timeout, || {
                connection::writer(&self.file, self.options.cache)
            }),
        }
    }

    /// A commit with nothing in it but touches and sweeps waits for no sync: a loss of power may take it back.
    fn set_synchronous(&self, connection: &Connection, durable: bool) -> Result<(), Fault> {
        let level = match self.options.synchronous {
            Synchronous::Full if durable => "PRAGMA synchronous = FULL",
            _ => "PRAGMA synchronous = NORMAL",
        };
        Ok(connection.execute_batch(level)?)
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_store::{AddOne, Counted, Counter, Counters as _, ErrorKind, Namespace, Timestamp};

    use super::super::Sqlite;
    use super::super::job::Verb;
    use super::*;

    /// Counts, and panics when it has.
    struct Panics(AddOne);

    impl Verb for Panics {
        type Answer = ();

        fn apply(&self, connection: &Connection) -> Result<(), Fault> {
            self.0.apply(connection)?;
            panic!("a verb that has a fault");
        }
    }

    #[tokio::test]
    async fn a_panic_is_told_to_whoever_asked_and_the_writer_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(directory.path().join("sessions.db")).await.unwrap();
        let namespace = Namespace::new("shop").unwrap();
        let counted = Counted::from_bytes([7; Counted::LEN]);
        let add = AddOne::new(Counter::new(namespace, counted, Timestamp::MAX));
        for times in 1..=3 {
            let (panics, others) = tokio::join!(store.submit(Panics(add.clone())), store.add(add.clone()));
            let error = panics.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains("a fault of this program"), "{error}");
            assert_eq!(others.unwrap(), times, "what it did was taken back");
        }
    }
}
