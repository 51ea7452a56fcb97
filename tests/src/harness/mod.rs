//! Reading order: who runs (identity), where (sandbox), what (launch, probing), and what came of it (ended).

pub(crate) mod binaries;
pub(crate) mod ended;
pub(crate) mod host;
pub(crate) mod identity;
pub(crate) mod launch;
pub(crate) mod place;
pub(crate) mod probing;
pub(crate) mod sandbox;
pub(crate) mod terminal;
