//! Secrets of a test's: declared, checked and used, and never shown.

use std::fs;

use super::binaries::opaque;
use super::ended::Ended;
use super::launch::Launch;
use super::sandbox::Sandbox;

/// The value that every test keeps somewhere.
pub const VALUE: &str = "correct-horse/battery+staple=1";

impl Sandbox {
    /// `opaque` with these arguments, in the workspace.
    ///
    /// # Panics
    /// When it cannot be put where the identity reaches it.
    pub fn opaque(&self, arguments: &[&str]) -> Launch {
        let copy = self.base().join("tools/opaque");
        if !copy.exists() {
            self.script(&copy, fs::read(opaque()).expect("it is built"));
        }
        let program = copy.display().to_string();
        self.launch_outside([&[program.as_str()], arguments].concat())
    }

    /// A file outside the workspace with [`VALUE`] in it, which its owner alone may read.
    pub fn key(&self) -> String {
        let path = self.elsewhere().join("key");
        self.directory(&self.elsewhere());
        self.write(&path, format!("{VALUE}\n"));
        self.shell_outside(&format!("chmod 600 '{}'", path.display())).expect(0);
        path.display().to_string()
    }

    /// A run that gets [`VALUE`] as `KEY`.
    pub fn run_with_key(&self, options: &[&str], script: &str) -> Ended {
        let secret = format!("KEY=file:{}", self.key());
        let start = [&["--secret", secret.as_str()], options, &["--", "sh", "-c", script]].concat();
        self.run_reporting(start)
    }

    /// What `sha256sum` outside says of [`VALUE`], and of what [`Self::key`] holds.
    pub fn digests_of_value(&self) -> [String; 2] {
        ["%s", "%s\\n"]
            .map(|format| self.shell_outside(&format!("printf '{format}' '{VALUE}' | sha256sum")).expect(0).text())
    }

    /// Writes the profile `mine` with these secrets: names, and what stands in the table of each.
    pub fn declare(&self, secrets: &[(&str, &str)]) {
        let tables = secrets.iter().map(|(name, text)| format!("[secrets.{name}]\n{text}\n"));
        let profile = format!("name = \"mine\"\nextends = [\"default\"]\n{}", tables.collect::<String>());
        self.setting(".config/opaque/profiles/mine.toml", &profile);
    }

    /// Demands that a command inside gets [`VALUE`] as `TOKEN`, and that nobody is shown it.
    ///
    /// # Panics
    /// When it does not, or is.
    #[track_caller]
    pub fn receives(&self, around: impl FnOnce(Launch) -> Launch) {
        let sum = "printf %s \"$TOKEN\" | sha256sum";
        let inside = around(self.launch(["--profile", "mine", "--secret", "TOKEN", "--", "sh", "-c", sum])).finish();
        inside.expect(0).without_value();
        let outside = self.launch_outside(["sh", "-c", sum]).env("TOKEN", VALUE).finish();
        assert_eq!(inside.text(), outside.text(), "{inside}");
    }
}

impl Launch {
    /// Runs it, demands an exit code and that [`VALUE`] is not shown, and answers everything that it said.
    ///
    /// # Panics
    /// When it is otherwise.
    #[track_caller]
    #[must_use]
    pub fn says(self, code: i32) -> String {
        let ended = self.finish();
        ended.expect(code).without_value();
        ended.text() + "\n" + &ended.errors()
    }
}

impl Ended {
    /// Demands that [`VALUE`] stands nowhere in what it said.
    ///
    /// # Panics
    /// When it does.
    #[track_caller]
    pub fn without_value(&self) -> &Self {
        for stream in [&self.stdout, &self.stderr] {
            assert!(!String::from_utf8_lossy(stream).contains(VALUE), "the value is shown\n{self}");
        }
        self
    }
}
