//! End-to-end tests of `opaque-run`.
