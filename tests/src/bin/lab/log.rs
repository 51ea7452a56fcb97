//! What a server saw, as one JSON value a line. Written before the server answers, so whoever has the answer finds it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::Value;

/// A file that only grows.
pub(crate) struct Log(File);

impl Log {
    /// Makes an empty one.
    pub(crate) fn new(path: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Self(file.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display())))
    }

    /// Adds a line, in one write.
    pub(crate) fn add(&self, value: &Value) {
        (&self.0).write_all(format!("{value}\n").as_bytes()).expect("the lab's directory has room");
    }
}
