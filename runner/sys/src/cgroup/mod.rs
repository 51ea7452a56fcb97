//! Bounds what a run may use, with the control groups that this machine gives.
