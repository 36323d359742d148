//! One rule of the contract, by name, and how it is checked.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::failure::{Failure, Held};
use super::fixture::Fixture;
use crate::AnyStore;

type Body<Subject> = Arc<dyn Fn(Subject) -> Pin<Box<dyn Future<Output = Held> + Send>> + Send + Sync>;

/// One rule of the contract: its name says what must hold.
///
/// A rule works in a namespace of its own, so rules can be checked side by side on one store.
pub struct Rule<Subject = AnyStore> {
    name: &'static str,
    patience: Duration,
    body: Body<Subject>,
}

impl<Subject: Send + 'static> Rule<Subject> {
    pub(super) fn new<F, Checking>(name: &'static str, body: F) -> Self
    where
        F: Fn(Subject) -> Checking + Send + Sync + 'static,
        Checking: Future<Output = Held> + Send + 'static,
    {
        Self {
            name,
            patience: Duration::from_secs(60),
            body: Arc::new(move |subject| Box::pin(body(subject))),
        }
    }

    /// How long the rule may take before it counts as broken; a minute unless said otherwise.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The name: what must hold, as a sentence in `snake_case`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks whether a store keeps to the rule.
    ///
    /// # Errors
    ///
    /// When it does not: with what was expected and what was found instead. Also when the store panicked,
    /// took too long, or when this was called outside a multi-thread runtime, where races do not race.
    pub async fn check(&self, subject: Subject) -> Result<(), Broken> {
        if Handle::current().runtime_flavor() != RuntimeFlavor::MultiThread {
            let failure = "must be checked on a runtime with `flavor = \"multi_thread\"`";
            return Err(self.broken(&Failure::new(failure)));
        }
        let checking = tokio::time::timeout(self.patience, (self.body)(subject));
        match tokio::spawn(checking).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(failure))) => Err(self.broken(&failure)),
            Ok(Err(_elapsed)) => {
                let failure = format!("expected an end within {:?}, found none", self.patience);
                Err(self.broken(&Failure::new(failure)))
            }
            Err(ended) => Err(self.broken(&panicked(ended))),
        }
    }

    fn broken(&self, failure: &Failure) -> Broken {
        Broken {
            rule: self.name,
            finding: failure.to_string(),
        }
    }
}

impl Rule {
    /// A rule about a store in a namespace that nobody else uses.
    pub(super) fn about<F, Checking>(name: &'static str, body: F) -> Self
    where
        F: Fn(Fixture) -> Checking + Send + Sync + 'static,
        Checking: Future<Output = Held> + Send + 'static,
    {
        Self::new(name, move |store| body(Fixture::new(store)))
    }
}

/// Rules named as the functions that check them, which a function could not see to.
macro_rules! rules {
    ($($rule:ident),+ $(,)?) => { vec![$(Rule::about(stringify!($rule), $rule)),+] };
}
pub(super) use rules;

impl<Subject> Clone for Rule<Subject> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            patience: self.patience,
            body: Arc::clone(&self.body),
        }
    }
}

impl<Subject> fmt::Debug for Rule<Subject> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}

/// A rule that a store broke.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// The rule's name.
    pub rule: &'static str,
    /// What was expected and what was found instead.
    pub finding: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.finding)
    }
}

impl std::error::Error for Broken {}

/// What a task that ended early has to say.
pub(super) fn panicked(ended: tokio::task::JoinError) -> Failure {
    let message = match ended.try_into_panic() {
        Ok(panic) => text_of(&*panic),
        Err(cancelled) => cancelled.to_string(),
    };
    Failure::new(format!("expected an answer, found a panic: {message}"))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
