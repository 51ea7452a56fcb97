//! The texts that machines of every kind show, and the limits that this one really gives.

mod discovering;
mod limiting;
mod sweeping;
mod unified;
