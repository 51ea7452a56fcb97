//! The sandbox's file tree: sources taken from the host, then an own root put together from them.

pub(crate) mod attributes;
pub(crate) mod root;
pub(crate) mod sources;
pub(crate) mod tree;
