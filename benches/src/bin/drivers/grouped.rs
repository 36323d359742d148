//! A thread that writes, for drivers that let only one: it takes what waits, and answers when all of it is done.

use std::sync::mpsc::{self, Sender};
use std::{iter, thread};

use tokio::sync::oneshot;

/// How many writes it takes at once: as the stores.
const GROUP: usize = 256;

/// The way to the thread, which ends with the last clone.
pub(crate) struct Grouped<W>(Sender<(W, oneshot::Sender<()>)>);

impl<W: Send + 'static> Grouped<W> {
    /// Starts the thread. It hands over what waits, in the order in which it came.
    pub(crate) fn start(mut commit: impl FnMut(&[W]) + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel::<(W, oneshot::Sender<()>)>();
        thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let waiting = receiver.try_iter().take(GROUP - 1);
                let (writes, answers): (Vec<_>, Vec<_>) = iter::once(first).chain(waiting).unzip();
                commit(&writes);
                answers
                    .into_iter()
                    .for_each(|answer| answer.send(()).expect("whoever asked waits"));
            }
        });
        Self(sender)
    }

    /// Waits until it is done.
    pub(crate) async fn write(&self, write: W) {
        let (answer, answered) = oneshot::channel();
        self.0.send((write, answer)).expect("the thread stays");
        answered.await.expect("the thread stays");
    }
}

impl<W> Clone for Grouped<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
