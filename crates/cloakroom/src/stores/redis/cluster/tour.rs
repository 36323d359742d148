//! A tour of all primaries: what lives through it is found at least once, also where slots move meanwhile.
//!
//! A key that moves to a node which was gone through before would be missed. So a tour remembers who had which slots when
//! it began, and when it has been everywhere it goes again to those that have been given slots, unless it came to them
//! after it had left the ones that gave them.

use std::collections::HashSet;

use cloakroom_store::{Cursor, Id};

use super::slot::SLOTS;
use super::topology::NodeId;

/// Where a tour is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tour {
    /// The primaries when it began, in the order in which it goes through them.
    nodes: Vec<NodeId>,
    /// How many of them, from the first on, it goes through.
    stops: usize,
    /// At which of them it is.
    at: usize,
    /// The run of the node it is at, and the position in its keys.
    pub(super) run: u64,
    pub(super) position: u64,
    /// Who had which slots when it began: the last slot of each part, and the number of its node.
    parts: Vec<(u16, u16)>,
    /// What was found and did not fit into the page.
    pub(super) left_over: Vec<Id>,
}

/// Who has which slots, and which of them are on their way.
pub(super) struct Now {
    pub(super) owners: Vec<Option<NodeId>>,
    /// From whom, to whom.
    pub(super) moving: Vec<(NodeId, NodeId)>,
}

impl Now {
    /// The primaries, each once.
    fn primaries(&self) -> Vec<NodeId> {
        let mut seen = HashSet::new();
        self.owners
            .iter()
            .flatten()
            .copied()
            .filter(|node| seen.insert(*node))
            .collect()
    }
}

impl Tour {
    /// A tour of all primaries that begins now.
    pub(super) fn begin(now: &Now) -> Self {
        Self::of(now.primaries(), now)
    }

    fn of(stops: Vec<NodeId>, now: &Now) -> Self {
        let mut nodes = stops;
        let stops = nodes.len();
        let others = now.primaries().into_iter().filter(|node| !nodes.contains(node));
        let others: Vec<_> = others.collect();
        nodes.extend(others);
        let number =
            |node: &NodeId| nodes.iter().position(|known| known == node).unwrap_or(usize::MAX) as u16;
        let mut parts: Vec<(u16, u16)> = Vec::new();
        for (slot, owner) in now.owners.iter().enumerate() {
            let Some(owner) = owner.as_ref().map(number) else {
                continue;
            };
            match parts.last_mut() {
                Some((last, same)) if *same == owner && usize::from(*last) + 1 == slot => *last = slot as u16,
                _ => parts.push((slot as u16, owner)),
            }
        }
        Self {
            nodes,
            stops,
            at: 0,
            run: 0,
            position: 0,
            parts,
            left_over: Vec::new(),
        }
    }

    /// The node it is at; `None` when it has been everywhere.
    pub(super) fn stop(&self) -> Option<NodeId> {
        self.nodes[..self.stops].get(self.at).copied()
    }

    /// Leaves the node it is at.
    pub(super) fn go_on(&mut self) {
        self.at += 1;
        (self.run, self.position) = (0, 0);
    }

    /// The tour that must follow this one, if slots have moved to where it will not come again.
    pub(super) fn next(&self, now: &Now) -> Option<Self> {
        let when = |node: &NodeId| self.nodes[..self.stops].iter().position(|stop| stop == node);
        let mut again = Vec::new();
        let mut moved = |from: NodeId, to: NodeId| {
            // What it did not go through had been gone through before anything moved.
            let Some(left) = when(&from) else {
                return;
            };
            let too_early = when(&to).is_none_or(|came| came < left);
            if from != to && too_early && !again.contains(&to) {
                again.push(to);
            }
        };
        let mut slot = 0;
        for (last, number) in &self.parts {
            for slot in slot..=usize::from(*last) {
                let before = self.nodes.get(usize::from(*number));
                if let (Some(before), Some(Some(after))) = (before, now.owners.get(slot)) {
                    moved(*before, *after);
                }
            }
            slot = usize::from(*last) + 1;
        }
        for (from, to) in &now.moving {
            moved(*from, *to);
        }
        (!again.is_empty()).then(|| Self::of(again, now))
    }

    /// A cursor that goes on there.
    pub(super) fn cursor(&self) -> Cursor {
        let mut bytes = vec![KIND];
        for number in [self.nodes.len(), self.stops, self.at, self.parts.len()] {
            bytes.extend_from_slice(&(number as u32).to_be_bytes());
        }
        for number in [self.run, self.position] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for node in &self.nodes {
            bytes.extend_from_slice(&node.0);
        }
        for (last, number) in &self.parts {
            bytes.extend_from_slice(&last.to_be_bytes());
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for id in &self.left_over {
            bytes.extend_from_slice(id.as_bytes());
        }
        Cursor::new(bytes)
    }

    /// Reads a cursor.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(bytes);
        if bytes.take::<1>()? != [KIND] {
            return None;
        }
        let mut number = || Some(u32::from_be_bytes(bytes.take()?) as usize);
        let (nodes, stops, at, parts) = (number()?, number()?, number()?, number()?);
        let (run, position) = (
            u64::from_be_bytes(bytes.take()?),
            u64::from_be_bytes(bytes.take()?),
        );
        if stops > nodes || at > stops || nodes > SLOTS || parts > SLOTS {
            return None;
        }
        let nodes = (0..nodes)
            .map(|_| bytes.take().map(NodeId))
            .collect::<Option<_>>()?;
        let part = |bytes: &mut Bytes<'_>| {
            Some((
                u16::from_be_bytes(bytes.take()?),
                u16::from_be_bytes(bytes.take()?),
            ))
        };
        let parts = (0..parts).map(|_| part(&mut bytes)).collect::<Option<_>>()?;
        let (ids, []) = bytes.0.as_chunks() else {
            return None;
        };
        Some(Self {
            nodes,
            stops,
            at,
            run,
            position,
            parts,
            left_over: ids.iter().copied().map(Id::from_bytes).collect(),
        })
    }
}

/// What a cursor of a tour begins with. Those of a principal's listing begin otherwise.
const KIND: u8 = 3;

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: u8) -> NodeId {
        NodeId([n; 20])
    }

    /// The first slots are the first node's, and so on.
    fn now(owners: &[u8]) -> Now {
        Now {
            owners: owners.iter().map(|n| Some(node(*n))).collect(),
            moving: Vec::new(),
        }
    }

    fn been_everywhere(before: &Now) -> Tour {
        let mut tour = Tour::begin(before);
        while tour.stop().is_some() {
            tour.go_on();
        }
        tour
    }

    fn stops(tour: &Tour) -> Vec<NodeId> {
        tour.nodes[..tour.stops].to_vec()
    }

    #[test]
    fn where_nothing_moves_one_tour_is_enough() {
        let before = now(&[1, 1, 2, 3]);
        assert_eq!(stops(&Tour::begin(&before)), [node(1), node(2), node(3)]);
        assert_eq!(been_everywhere(&before).next(&before), None);
    }

    #[test]
    fn a_node_that_was_given_slots_too_late_is_gone_through_again() {
        let tour = been_everywhere(&now(&[1, 1, 2, 3]));
        // To one that comes later: it was there when the tour came to it.
        assert_eq!(tour.next(&now(&[1, 2, 2, 3])), None);
        // To one that came before, and to one that is new.
        let again = tour.next(&now(&[1, 1, 1, 4])).unwrap();
        assert_eq!(stops(&again), [node(1), node(4)]);
        // What moved to them has moved on.
        let mut again = again;
        again.go_on();
        again.go_on();
        let third = again.next(&now(&[1, 2, 3, 4])).unwrap();
        assert_eq!(stops(&third), [node(2), node(3)]);
        assert_eq!(again.next(&now(&[1, 1, 4, 4])), None);
    }

    #[test]
    fn a_slot_on_its_way_counts_as_moved() {
        let before = now(&[1, 2]);
        let moving = |from, to| Now {
            moving: vec![(node(from), node(to))],
            ..now(&[1, 2])
        };
        assert_eq!(been_everywhere(&before).next(&moving(1, 2)), None);
        let again = been_everywhere(&before).next(&moving(2, 1)).unwrap();
        assert_eq!(stops(&again), [node(1)]);
    }

    #[test]
    fn a_cursor_is_read_as_it_was_given() {
        let mut tour = Tour::begin(&now(&[1, 1, 2, 3, 3, 1]));
        tour.go_on();
        (tour.run, tour.position) = (7, u64::MAX);
        tour.left_over = vec![Id::from_bytes([1; 16]), Id::from_bytes([2; 16])];
        let cursor = tour.cursor();
        assert_eq!(Tour::read(cursor.as_bytes()), Some(tour));
        for length in 0..cursor.as_bytes().len() {
            let cut = Tour::read(&cursor.as_bytes()[..length]);
            assert!(cut.is_none_or(|tour| tour.left_over.len() < 2), "{length}");
        }
        assert_eq!(Tour::read(&[3; 100]), None);
    }
}
