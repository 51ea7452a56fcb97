//! Protected paths on the host: placeholders for those that do not exist, a watch over all of them, and a quarantine for
//! what appears where a placeholder would be in the way.

pub mod placeholder;
pub mod quarantine;
pub mod registry;
mod room;
pub mod snapshot;
pub mod watch;
