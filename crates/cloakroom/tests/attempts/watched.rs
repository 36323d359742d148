//! Counters in memory that write down what they were asked, and can be down, or wait for ever.

use std::sync::{Arc, Mutex};

use cloakroom::store::{
    AddOne, AnyCounters, Capabilities, Counters, Error, ErrorKind, Residence, Sweep, Swept, TakeBack,
};
use cloakroom::stores::Memory;

/// Counters that are watched.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    counters: AnyCounters,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    asked: Vec<String>,
    fault: Option<Fault>,
}

/// How they fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    IsDown,
    /// Of the counter that is asked first only.
    IsDownForTheFirst,
    /// Of the counter that is asked second only.
    IsDownFromTheSecondOn,
    NeverAnswers,
    NeverAnswersFromTheSecondOn,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            counters: AnyCounters::new(Memory::default()),
            seen: Arc::default(),
        }
    }
}

impl Watched {
    pub(crate) fn has(&self, fault: Option<Fault>) {
        self.seen.lock().unwrap().fault = fault;
    }

    /// What was asked since this was last called.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap().asked)
    }

    async fn pass(&self, verb: &str, request: String) -> Result<(), Error> {
        let fault = {
            let mut seen = self.seen.lock().unwrap();
            seen.asked.push(format!("{verb} {request}"));
            match seen.fault {
                Some(Fault::IsDownForTheFirst) if seen.asked.len() > 1 => None,
                Some(Fault::IsDownFromTheSecondOn | Fault::NeverAnswersFromTheSecondOn)
                    if seen.asked.len() < 2 =>
                {
                    None
                }
                fault => fault,
            }
        };
        match fault {
            None => Ok(()),
            Some(Fault::NeverAnswers | Fault::NeverAnswersFromTheSecondOn) => std::future::pending().await,
            Some(Fault::IsDown | Fault::IsDownForTheFirst | Fault::IsDownFromTheSecondOn) => {
                Err(Error::new(ErrorKind::Unavailable, "it is down"))
            }
        }
    }
}

impl Counters for Watched {
    async fn add(&self, request: AddOne) -> Result<u64, Error> {
        self.pass("add", format!("{request:?}")).await?;
        self.counters.add(request).await
    }

    async fn take_back(&self, request: TakeBack) -> Result<(), Error> {
        self.pass("take_back", format!("{request:?}")).await?;
        self.counters.take_back(request).await
    }

    async fn forget(&self, request: Sweep) -> Result<Swept, Error> {
        self.pass("forget", format!("{request:?}")).await?;
        self.counters.forget(request).await
    }

    fn card(&self) -> Capabilities {
        Capabilities::new("watched", Residence::Process)
    }
}
