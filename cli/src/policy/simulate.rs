//! `opaque policy simulate`: what the journal's requests would be answered under other policies, or under those in
//! force now. Reads, prints, and never writes.

mod journal;
mod replay;
mod told;

use std::path::PathBuf;

use clap::Args;
use opaque_runner::account::Accounts;
use opaque_runner::host;
use opaque_runner::invocation::{self, describe};

use crate::policy::loaded::Loaded;
use crate::policy::simulate::replay::Replay;
use crate::{Said, Wrong};

/// The exit code when not every answer is known to stay as it was.
const NOT_THE_SAME: u8 = 3;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 every recorded request would be answered as it was; 3 some would not be, or nobody can \
                        tell; 1 nothing could be replayed."
)]
pub(crate) struct Simulate {
    /// Policy file used instead of your own
    #[arg(long, value_name = "CANDIDATE")]
    policy: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Files of a journal; your own journal without one
    #[arg(value_name = "FILE.jsonl")]
    files: Vec<PathBuf>,
}

impl Simulate {
    pub(super) fn carry_out(self) -> Result<Said, Wrong> {
        let files = if self.files.is_empty() { own_journal()? } else { self.files };
        let Loaded { policies, profiles, .. } = Loaded::load(self.policy.as_deref())?;
        let mut replay = Replay::under(&policies, &profiles);
        for file in &files {
            journal::read(file, &mut replay)?;
        }
        let result = replay.finish();
        if result.replayed == 0 {
            let unread = told::unread(&result);
            return Err(Wrong(
                format!("no request is recorded there, so nothing was replayed\n{unread}").trim_end().to_owned(),
            ));
        }
        let text = if self.json { told::json(&result)? } else { told::text(&result) };
        Ok(Said { text, code: if result.is_the_same() { 0 } else { NOT_THE_SAME } })
    }
}

/// The files of the caller's journal, oldest first.
fn own_journal() -> Result<Vec<PathBuf>, Wrong> {
    let account = Accounts::read().current().map_err(|error| Wrong(describe(&error)))?;
    let directory = host::state_directory(&account.home, &invocation::environment()).join("journal")?;
    let wrong = |error: std::io::Error| Wrong(format!("{directory}: {error}\nhint: name the files of a journal"));
    let listed = std::fs::read_dir(directory.as_path()).map_err(wrong)?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in listed {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
