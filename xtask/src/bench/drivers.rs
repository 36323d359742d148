//! What a store adds to its driver: the same commands, with the driver alone and through the store.

use super::contenders::Contender;
use super::servers::Servers;

pub(super) fn measure(_: &[&'static Contender], _: &Servers, _: usize) -> Result<(), String> {
    Ok(())
}
