//! The log, as a subscriber of `tracing` hears it on one thread.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{self, Attributes, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

/// What was said once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) level: String,
    pub(crate) message: String,
    pub(crate) session: Option<String>,
    /// All of it, whatever it is called.
    pub(crate) whole: String,
}

impl Line {
    /// Whether it is this event, by its level and its message.
    pub(crate) fn is(&self, (level, message): &(&str, &str)) -> bool {
        (&*self.level, &*self.message) == (*level, *message)
    }
}

thread_local! {
    static HEARD: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// What was said on this thread.
pub(crate) fn heard() -> Vec<Line> {
    HEARD.take()
}

/// Hears all that is ours.
pub(crate) struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cloakroom"
    }

    fn event(&self, event: &Event<'_>) {
        let level = event.metadata().level().as_str().to_lowercase();
        let mut line = Line {
            level,
            ..Line::default()
        };
        event.record(&mut line);
        HEARD.with_borrow_mut(|heard| heard.push(line));
    }

    fn new_span(&self, _: &Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        write!(self.whole, "{field}={value} ").unwrap();
        match field.name() {
            "message" => self.message = value,
            "session" => self.session = Some(value),
            _ => {}
        }
    }
}
