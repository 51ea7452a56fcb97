//! Protected paths on the host: placeholders for those that do not exist, and a watch over all of them.

pub mod placeholder;
pub mod registry;
mod room;
pub mod snapshot;
pub mod watch;
