//! What policy says about the journal. Writes none.

/// How durable a record must be before a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditSync {
    // INVARIANT: from the weakest to the strongest.
    /// It survives the end of our process.
    Process,
    /// It survives the end of the machine.
    Disk,
}

/// What the policy says about the journal: the strictest of all layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// How durable a record must be.
    pub sync: AuditSync,
    /// How long records are kept at least.
    pub retention_days: Option<u32>,
}

impl Audit {
    pub(crate) const UNSTATED: Self = Self { sync: AuditSync::Process, retention_days: None };

    pub(crate) fn joined_with(self, other: Self) -> Self {
        Self { sync: self.sync.max(other.sync), retention_days: self.retention_days.max(other.retention_days) }
    }
}
