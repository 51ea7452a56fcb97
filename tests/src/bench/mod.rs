//! What the benches share. Nothing here knows a figure that the product should reach; the benches do.
//!
//! Reading order: how a bench starts and ends (session), the programs that it compares (binaries), where they
//! run (ground, place) and are asked (asking), what they are compared with (peer), how time is taken (rounds), on terminals too (window), and what is printed (table).

mod asking;
mod binaries;
mod ground;
mod peer;
mod place;
mod rounds;
mod session;
mod table;
mod window;

pub use asking::{said, show_plan};
pub use binaries::{Binary, binaries, static_program};
pub use ground::Ground;
pub use peer::{Peer, bubblewrap, pasta};
pub use place::Place;
pub use rounds::{Contestant, Rounds, Samples, median};
pub use session::{Failure, Outcome, Section, bench, bench_in_sections};
pub use table::{Bound, Table};
pub use window::Window;
