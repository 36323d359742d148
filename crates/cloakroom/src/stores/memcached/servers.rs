//! Which server a session is on: the one with the highest weight for its key.
//!
//! Rendezvous hashing. Every node computes the same from the same names, and a server more or less moves only the
//! sessions that it takes or leaves. A server that does not answer keeps its sessions: were they begun again on
//! another, those that were ended there would be back with the first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::address::Address;
use super::command::Command;
use super::dial::Settings;
use super::failure::Failure;
use super::link::{Link, Target};
use super::reply::Answer;

/// One server and our connections to it.
pub(super) struct Server {
    target: Arc<Target>,
    links: Box<[Link]>,
    /// Where the next call goes, among the links.
    next: AtomicUsize,
    /// What its name adds to every weight.
    seed: u64,
}

impl Server {
    pub(super) fn new(target: Target, connections: usize) -> Self {
        let target = Arc::new(target);
        Self {
            seed: fnv1a(FNV_OFFSET, target.address.to_string().as_bytes()),
            links: (0..connections).map(|_| Link::new(Arc::clone(&target))).collect(),
            next: AtomicUsize::new(0),
            target,
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.target.address
    }

    /// Makes a first connection, and learns what the server says of itself.
    pub(super) async fn connect(&self) -> Result<Settings, Failure> {
        self.links[0].connect().await
    }

    /// Asks the server one thing.
    pub(super) async fn ask(&self, command: Command<'_>) -> Result<Answer, Failure> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.links[turn % self.links.len()].ask(command).await
    }
}

/// The server that a key is on.
pub(super) fn server_of<'a>(servers: &'a [Server], key: &[u8]) -> &'a Server {
    if let [only] = servers {
        return only;
    }
    let heaviest = servers.iter().max_by_key(|server| weight(server.seed, key));
    heaviest.expect("a store has at least one server")
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// How much a server wants a key. Part of what is kept: another formula is another distribution.
fn weight(seed: u64, key: &[u8]) -> u64 {
    // FNV-1a alone leaves the highest bits, which decide, almost untouched by the last byte. Hence the finish of
    // MurmurHash3.
    let mut hash = fnv1a(seed, key);
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}

fn fnv1a(seed: u64, bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
    bytes.iter().fold(seed, mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(count: usize) -> Vec<u64> {
        (0..count)
            .map(|n| fnv1a(FNV_OFFSET, format!("cache-{n}.internal:11211").as_bytes()))
            .collect()
    }

    fn chosen(seeds: &[u64], n: usize) -> usize {
        let key = format!("cloakroom%shop:__Host-id%{n:032x}");
        let heaviest = (0..seeds.len()).max_by_key(|server| weight(seeds[*server], key.as_bytes()));
        heaviest.expect("there are servers")
    }

    const SESSIONS: usize = 30_000;

    #[test]
    fn every_server_gets_its_share() {
        for count in [2, 3, 5, 10] {
            let seeds = seeds(count);
            let mut shares = vec![0_usize; count];
            for n in 0..SESSIONS {
                shares[chosen(&seeds, n)] += 1;
            }
            let fair = SESSIONS / count;
            for share in &shares {
                assert!(share.abs_diff(fair) < fair / 10, "{shares:?}");
            }
        }
    }

    #[test]
    fn a_server_more_takes_its_share_and_moves_nothing_else() {
        let (before, after) = (seeds(4), seeds(5));
        let mut moved = 0_usize;
        for n in 0..SESSIONS {
            let (old, new) = (chosen(&before, n), chosen(&after, n));
            assert!(new == old || new == 4, "session {n} went from {old} to {new}");
            moved += usize::from(new != old);
        }
        assert!(moved.abs_diff(SESSIONS / 5) < SESSIONS / 50, "{moved}");
    }

    #[test]
    fn the_distribution_is_the_same_in_every_release() {
        let seeds = seeds(3);
        let chosen: Vec<_> = (0..12).map(|n| chosen(&seeds, n)).collect();
        assert_eq!(chosen, [2, 1, 1, 2, 2, 2, 2, 2, 2, 2, 0, 0]);
    }
}
