//! Who has which slots, as one node of a cluster sees it.

use redis::Value;

use super::super::address::Place;
use super::slot::SLOTS;

/// The owners of the slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topology {
    /// Grows with every failover and every slot that moves. Of two views the one with the higher epoch is newer.
    pub(super) epoch: u64,
    /// Whether the node finds the cluster in order. One that was cut off from the others does not.
    pub(super) is_ok: bool,
    pub(super) ranges: Vec<Range>,
}

/// Slots that follow each other and have one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) owner: Owner,
}

/// A primary of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) id: NodeId,
    pub(super) place: Place,
}

/// What a node is called in its cluster: stays the same over a restart, and another one takes over at a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(pub(super) [u8; 20]);

impl NodeId {
    /// Reads forty hexadecimal digits.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (pairs, []) = text.as_chunks::<2>() else {
            return None;
        };
        let mut id = [0; 20];
        if pairs.len() != id.len() {
            return None;
        }
        for (byte, pair) in id.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(id))
    }
}

impl Topology {
    /// Reads the answers of `CLUSTER INFO` and `CLUSTER SLOTS`. A node that does not know its own name has the one it
    /// was asked by.
    pub(super) fn read(info: &Value, slots: &Value, asked: &Place) -> Option<Self> {
        let Value::BulkString(info) = info else {
            return None;
        };
        let info = str::from_utf8(info).ok()?;
        let field = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_end())
        };
        let Value::Array(slots) = slots else {
            return None;
        };
        let mut ranges: Vec<Range> = slots
            .iter()
            .map(|range| Range::read(range, asked))
            .collect::<Option<_>>()?;
        ranges.sort_by_key(|range| range.first);
        Some(Self {
            epoch: field("cluster_current_epoch:")?.parse().ok()?,
            is_ok: field("cluster_state:")? == "ok",
            ranges,
        })
    }
}

impl Range {
    fn read(answer: &Value, asked: &Place) -> Option<Self> {
        let Value::Array(parts) = answer else {
            return None;
        };
        let [Value::Int(first), Value::Int(last), Value::Array(owner), ..] = &**parts else {
            return None;
        };
        let slot = |number: i64| {
            u16::try_from(number)
                .ok()
                .filter(|slot| usize::from(*slot) < SLOTS)
        };
        Some(Self {
            first: slot(*first)?,
            last: slot(*last)?,
            owner: Owner::read(owner, asked)?,
        })
    }
}

impl Owner {
    fn read(parts: &[Value], asked: &Place) -> Option<Self> {
        let [name, Value::Int(port), Value::BulkString(id), ..] = parts else {
            return None;
        };
        let name = match name {
            Value::BulkString(name) if !name.is_empty() && name != b"?" => {
                String::from_utf8(name.clone()).ok()?
            }
            Value::Nil | Value::BulkString(_) => match asked {
                Place::Host { name, .. } => name.clone(),
                _ => return None,
            },
            _ => return None,
        };
        Some(Self {
            id: NodeId::parse(id)?,
            place: Place::Host {
                name,
                port: u16::try_from(*port).ok()?,
            },
        })
    }
}

/// The slots that are on their way from the node which was asked for `CLUSTER NODES`, and to whom.
pub(super) fn leaving(nodes: &Value) -> Option<Vec<(u16, NodeId)>> {
    let Value::BulkString(text) = nodes else {
        return None;
    };
    let text = str::from_utf8(text).ok()?;
    let own = text.lines().find(|line| line.contains("myself"))?;
    // [77->-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f] is one that leaves, [77-<-...] one that comes.
    let leaving = own.split_whitespace().filter_map(|word| {
        let (slot, to) = word.strip_prefix('[')?.strip_suffix(']')?.split_once("->-")?;
        Some((slot.parse().ok()?, NodeId::parse(to.as_bytes())?))
    });
    Some(leaving.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f";

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn place(name: &str, port: u16) -> Place {
        let name = name.to_owned();
        Place::Host { name, port }
    }

    #[test]
    fn the_answers_of_a_node_are_read() {
        let info = text("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:7\r\n");
        let range = |first, last, name: Value, port| {
            let owner = Value::Array(vec![name, Value::Int(port), text(ID), Value::Array(vec![])]);
            Value::Array(vec![Value::Int(first), Value::Int(last), owner.clone(), owner])
        };
        let slots = Value::Array(vec![
            range(9, 16383, text("host"), 7000),
            range(0, 8, Value::Nil, 7001),
        ]);
        let topology = Topology::read(&info, &slots, &place("asked", 1)).unwrap();
        assert_eq!((topology.epoch, topology.is_ok), (7, true));
        let [low, high] = &*topology.ranges else {
            panic!("there are two");
        };
        assert_eq!((low.first, low.last), (0, 8));
        assert_eq!(low.owner.place, place("asked", 7001));
        assert_eq!(high.owner.place, place("host", 7000));
        assert_eq!(Topology::read(&info, &text("nonsense"), &place("asked", 1)), None);
        let slots = Value::Array(vec![range(0, 16384, text("host"), 7000)]);
        assert_eq!(Topology::read(&info, &slots, &place("asked", 1)), None);
    }

    #[test]
    fn slots_on_their_way_are_read() {
        let nodes = text(&format!(
            "{ID} 127.0.0.1:1@2 master - 0 0 1 connected 5-6\n\
             {ID} 127.0.0.1:3@4 myself,master - 0 0 1 connected 0-4 [77->-{ID}] [78-<-{ID}]\n"
        ));
        let id = NodeId::parse(ID.as_bytes()).unwrap();
        assert_eq!(leaving(&nodes), Some(vec![(77, id)]));
    }
}
