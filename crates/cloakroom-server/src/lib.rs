//! What the binary `cloakroom` is made of: a demo now, a session service for applications in any language
//! later.

pub mod cli;
pub mod demo;
mod keys;
pub mod listen;
mod shutdown;
