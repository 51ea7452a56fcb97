//! What was typed, nothing more. Its meaning is made by [`crate::invocation`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// The command line of `opaque-run`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, as typed")]
#[derive(Debug, Parser)]
#[command(
    name = "opaque-run",
    version,
    about = "Runs a command that you do not fully trust, with exactly what policy grants it",
    override_usage = "opaque-run [OPTIONS] -- COMMAND [ARGUMENT]...",
    after_help = "Exit codes: the command's own; 120 denied by policy; 121 not approved; 122 resource limit;\n\
                  124 wall time; 125 sandbox could not be built; 126 not executable; 127 not found; 128+n signal n.",
    disable_version_flag = false
)]
pub struct Flags {
    /// Profile to run under (default: the policy's, else `default`)
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Policy file used instead of the user's own
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// Also show this path inside, read-only (repeatable)
    #[arg(long, value_name = "PATH")]
    pub read: Vec<PathBuf>,

    /// Also show this path inside, writable (repeatable)
    #[arg(long, value_name = "PATH")]
    pub write: Vec<PathBuf>,

    /// Allow a host or block of addresses, as in `api.example.test`, `10.1.2.0/24:6379/tcp`, `@npm-registry` (repeatable)
    #[arg(long, value_name = "WHERE")]
    pub allow_net: Vec<String>,

    /// Let the command reach this port of the host's own loopback (repeatable)
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub loopback: Vec<String>,

    /// Let the host's 127.0.0.1:PORT reach a server inside (repeatable)
    #[arg(long, value_name = "PORT")]
    pub publish: Vec<String>,

    /// Pass a variable of the caller, or set one (repeatable)
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub env: Vec<OsString>,

    /// Give the command a secret: one that the profile declares, or one kept in `env:NAME` or `file:PATH` (repeatable)
    #[arg(long, value_name = "NAME[=SOURCE]")]
    pub secret: Vec<String>,

    /// How it gets the secrets of `--secret NAME=SOURCE`: env (the variable NAME), file or fd (NAME leads there)
    #[arg(long, value_name = "HOW", requires = "secret")]
    pub deliver: Option<String>,

    /// Limit a resource: cpu, memory, pids, files, tmp, inodes, output, wall (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub limit: Vec<String>,

    /// End the command after this time, as `--limit wall=…` (for example 90s, 10m)
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,

    /// Isolation tier: auto or namespaces
    #[arg(long, value_name = "TIER", default_value = "auto")]
    pub tier: String,

    /// Ask nobody: what needs an approval is refused
    #[arg(long)]
    pub unattended: bool,

    /// File of approvals given beforehand, instead of /etc/opaque/approved.toml; only root may have written it
    #[arg(long, value_name = "FILE")]
    pub approved: Option<PathBuf>,

    /// Print the plan and run nothing
    #[arg(long, conflicts_with = "explain")]
    pub plan: bool,

    /// Say what would be allowed and why, and run nothing
    #[arg(long)]
    pub explain: bool,

    /// Print `--plan` or `--explain` as JSON
    #[arg(long)]
    pub json: bool,

    /// Write the outcome as JSON to a new file, or to an open descriptor
    #[arg(long, value_name = "FILE|fd:N")]
    pub report: Option<OsString>,

    /// Keep the journal in this directory
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,

    /// Print no notes
    #[arg(long, short)]
    pub quiet: bool,

    /// Who is taken for the one who asks, for an explanation; the parent process if nobody
    #[arg(skip)]
    pub requester: Option<i32>,

    /// No policy is read: for the one question that opaque-run asks itself
    #[arg(skip)]
    pub asks_no_policy: bool,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND", required = true)]
    pub command: Vec<OsString>,
}

/// In which form `--plan` and `--explain` print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For a person.
    Text,
    /// For a program.
    Json,
}

impl Flags {
    /// In which form is printed.
    #[must_use]
    pub fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

/// What the command line came to.
#[derive(Debug)]
pub enum Parsed {
    /// A command to run or to explain.
    Flags(Box<Flags>),
    /// `--help` or `--version`: print this and end well.
    Text(String),
    /// Not understood: why, and what to do about it.
    Wrong(String),
}

/// Parses the arguments, the program's own name first.
#[must_use]
pub fn parse(arguments: &[OsString]) -> Parsed {
    let flags = match Flags::try_parse_from(arguments) {
        Ok(flags) => flags,
        Err(error) => {
            let text = error.render().to_string();
            return if error.use_stderr() { Parsed::Wrong(text.trim_end().to_owned()) } else { Parsed::Text(text) };
        }
    };
    // A mistyped option must not become the command: one that begins with a dash follows `--` directly.
    let separator = arguments.len().checked_sub(flags.command.len() + 1).and_then(|before| arguments.get(before));
    if let Some(first) = flags.command.first()
        && first.to_string_lossy().starts_with('-')
        && separator.is_none_or(|argument| argument != "--")
    {
        return Parsed::Wrong(format!("error: unknown option `{}`\nhint: see `opaque-run --help`", first.display()));
    }
    Parsed::Flags(Box::new(flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Parsed {
        parse(&std::iter::once("opaque-run").chain(line.split(' ')).map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn options_after_the_command_belong_to_the_command() {
        let Parsed::Flags(flags) = parse_words("--quiet -- ls --help -x") else { panic!("not parsed") };
        assert!(flags.quiet);
        assert_eq!(flags.command, ["ls", "--help", "-x"]);
        let Parsed::Flags(flags) = parse_words("ls --quiet") else { panic!("not parsed") };
        assert!(!flags.quiet);
        assert_eq!(flags.command, ["ls", "--quiet"]);
    }

    #[test]
    fn a_mistyped_option_is_never_taken_for_the_command() {
        assert!(matches!(parse_words("--bogus ls"), Parsed::Wrong(_)));
        assert!(matches!(parse_words("--bogus -- ls"), Parsed::Wrong(_)));
        assert!(matches!(parse_words("--quiet --bogus=x -- ls -- y"), Parsed::Wrong(_)));
        assert!(matches!(parse_words("-- --bogus"), Parsed::Flags(_)));
        assert!(matches!(parse_words("--profile"), Parsed::Wrong(_)));
        assert!(matches!(parse(&[OsString::from("opaque-run")]), Parsed::Wrong(_)));
    }

    #[test]
    fn help_is_not_an_error() {
        let Parsed::Text(text) = parse_words("--help") else { panic!("no help") };
        assert!(text.contains("--profile"), "{text}");
    }
}
