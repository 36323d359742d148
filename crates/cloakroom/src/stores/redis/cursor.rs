//! Where a listing goes on, or ending everyone's sessions.
//!
//! ```text
//! 1  id                        after this session, in the index of a principal
//! 2  run  position  ids        these sessions first, which a page had no room for, then from this position on
//! ```

use cloakroom_store::{Cursor, Error, ErrorKind, Id, List};

use super::scan::Position;

const OF_PRINCIPAL: u8 = 1;
const OF_EVERYONE: u8 = 2;

/// Where a listing of everyone goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The run of the server that gave the position: another one keeps its keys in another order.
    pub(super) run: u64,
    /// `None` when only what is left over remains.
    pub(super) position: Option<Position>,
    /// What was found and did not fit.
    pub(super) left_over: Vec<Id>,
}

/// After which session a listing of a principal goes on.
///
/// # Errors
///
/// [`ErrorKind::InvalidCursor`] for one that such a listing did not give.
pub(super) fn of_principal(request: &List) -> Result<Option<Id>, Error> {
    let Some(cursor) = &request.after else {
        return Ok(None);
    };
    let id = cursor.as_bytes().split_first().and_then(|(kind, id)| {
        let id = <[u8; Id::LEN]>::try_from(id).ok()?;
        (*kind == OF_PRINCIPAL).then_some(Id::from_bytes(id))
    });
    Ok(Some(id.ok_or_else(invalid)?))
}

/// A cursor that goes on after this session of a principal.
pub(super) fn after(id: Id) -> Cursor {
    let mut bytes = vec![OF_PRINCIPAL];
    bytes.extend_from_slice(id.as_bytes());
    Cursor::new(bytes)
}

/// Where a listing of everyone goes on, on a server in this run.
///
/// # Errors
///
/// [`ErrorKind::InvalidCursor`] for one that such a listing did not give, or before a restart or a failover.
pub(super) fn of_everyone(request: &List, run: u64) -> Result<Place, Error> {
    let Some(cursor) = &request.after else {
        return Ok(Place {
            run,
            position: Some(0),
            left_over: Vec::new(),
        });
    };
    let place = read(cursor.as_bytes()).filter(|place| place.run == run);
    place.ok_or_else(invalid)
}

/// From which position on everyone's sessions are to be ended, on a server in this run.
///
/// # Errors
///
/// As [`of_everyone`].
pub(super) fn position(after: Option<&Cursor>, run: u64) -> Result<Position, Error> {
    let Some(after) = after else {
        return Ok(0);
    };
    let place = read(after.as_bytes()).filter(|place| place.run == run && place.left_over.is_empty());
    place.and_then(|place| place.position).ok_or_else(invalid)
}

/// A cursor that goes on at a position, unless that is the beginning.
pub(super) fn from(run: u64, position: Position) -> Option<Cursor> {
    at(&Place {
        run,
        position: (position != 0).then_some(position),
        left_over: Vec::new(),
    })
}

/// A cursor that goes on there, unless that is the end.
pub(super) fn at(place: &Place) -> Option<Cursor> {
    if place.position.is_none() && place.left_over.is_empty() {
        return None;
    }
    let mut bytes = vec![OF_EVERYONE];
    bytes.extend_from_slice(&place.run.to_be_bytes());
    // No listing goes on at 0: that is where it has ended.
    bytes.extend_from_slice(&place.position.unwrap_or(0).to_be_bytes());
    for id in &place.left_over {
        bytes.extend_from_slice(id.as_bytes());
    }
    Some(Cursor::new(bytes))
}

fn read(bytes: &[u8]) -> Option<Place> {
    let (kind, rest) = bytes.split_first()?;
    let (run, rest) = rest.split_first_chunk()?;
    let (position, rest) = rest.split_first_chunk()?;
    let (ids, []) = rest.as_chunks::<{ Id::LEN }>() else {
        return None;
    };
    let position = Position::from_be_bytes(*position);
    (*kind == OF_EVERYONE).then(|| Place {
        run: u64::from_be_bytes(*run),
        position: (position != 0).then_some(position),
        left_over: ids.iter().copied().map(Id::from_bytes).collect(),
    })
}

fn invalid() -> Error {
    Error::new(
        ErrorKind::InvalidCursor,
        "the cursor is not one that was given here, or redis has been restarted since: begin again without one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_given() {
        for position in [None, Some(1), Some(u64::MAX)] {
            for left_over in [vec![], vec![Id::from_bytes([1; 16]), Id::from_bytes([2; 16])]] {
                let place = Place {
                    run: 7,
                    position,
                    left_over,
                };
                match at(&place) {
                    Some(cursor) => assert_eq!(read(cursor.as_bytes()), Some(place)),
                    None => assert_eq!((place.position, place.left_over), (None, vec![])),
                }
            }
        }
    }

    #[test]
    fn other_bytes_are_no_place() {
        for wrong in [&[][..], &[2], &[2; 16], &[1; 17], &[2; 18], &[2; 32]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
