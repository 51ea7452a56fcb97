//! The grammars of values that are text: what is meant by each, and a regular expression where the grammar
//! has one. Decides nothing: the loader parses, and whatever it takes the expression matches.

/// A kind of text.
pub(crate) struct Grammar {
    /// What such a text is called.
    pub(crate) name: &'static str,
    /// What is written, for a person.
    pub(crate) meaning: &'static str,
    /// What all of its texts match: an ECMA 262 expression that is anchored.
    pub(crate) pattern: Option<&'static str>,
}

/// Text as it is.
pub(crate) const TEXT: Grammar = Grammar { name: "text", meaning: "text", pattern: None };

/// One line for a person.
pub(crate) const LINE: Grammar = Grammar {
    name: "line",
    meaning: "one line of at most 500 characters",
    pattern: Some(r"^[^\u0000-\u001f\u007f-\u009f]{1,500}$"),
};

/// A name of ours.
pub(crate) const NAME: Grammar = Grammar {
    name: "name",
    meaning: "1 to 64 letters, digits, `-`, `_` and `.`",
    pattern: Some(r"^[A-Za-z0-9._-]{1,64}$"),
};

/// A SHA-256 digest.
pub(crate) const SHA256: Grammar =
    Grammar { name: "digest", meaning: "64 hexadecimal digits", pattern: Some(r"^[0-9A-Fa-f]{64}$") };

/// An intent.
pub(crate) const INTENT: Grammar =
    Grammar { name: "intent", meaning: "64 digits, `0` to `9` and `a` to `f`", pattern: Some(r"^[0-9a-f]{64}$") };

/// A time.
pub(crate) const TIME: Grammar = Grammar {
    name: "time",
    meaning: "a time in UTC, e.g. `2031-12-31T23:59:59Z`",
    pattern: Some(r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$"),
};

/// Who signed a program.
pub(crate) const TEAM: Grammar =
    Grammar { name: "team", meaning: "10 capital letters and digits", pattern: Some(r"^[A-Z0-9]{10}$") };

/// A time.
pub(crate) const DURATION: Grammar = Grammar {
    name: "duration",
    meaning: "whole numbers with their units, the largest first: `1h30m`, `90s`, `500ms`",
    pattern: Some(r"^(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"),
};

/// An amount of memory or storage.
pub(crate) const SIZE: Grammar = Grammar {
    name: "size",
    meaning: "a whole number with its unit: `64KiB`, `512MiB`, `2GiB`, `10MB`",
    pattern: Some(r"^[0-9]+(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)$"),
};

/// A share of processor time.
pub(crate) const PERCENT: Grammar =
    Grammar { name: "percentage", meaning: "percent of one core: `200%` is two cores", pattern: Some(r"^[0-9]+%$") };

/// A pattern without regular expressions.
pub(crate) const GLOB: Grammar = Grammar {
    name: "glob",
    meaning: "text in which `*` is any run of characters",
    pattern: Some(r"^([^~?\[\]{}\\]|\\[*?\[\]{}~\\])([^?\[\]{}\\]|\\[*?\[\]{}~\\])*$"),
};

/// A pattern over text.
pub(crate) const PATTERN: Grammar = Grammar {
    name: "pattern",
    meaning: "text in which `*` is any run of characters, or after `~` a regular expression over all of it",
    pattern: Some(r"^(~[\s\S]*|([^?\[\]{}\\]|\\[*?\[\]{}~\\])+)$"),
};

/// A pattern over one argument.
pub(crate) const ARGUMENT: Grammar = Grammar {
    name: "argument",
    meaning: "one argument, by a pattern; `**` at the end is any further arguments",
    pattern: Some(r"^(~[\s\S]*|([^?\[\]{}\\]|\\[*?\[\]{}~\\])*)$"),
};

/// A pattern over absolute paths.
pub(crate) const PATH_GLOB: Grammar = Grammar {
    name: "path pattern",
    meaning: "an absolute path in which `*` stays inside one component and `/**/` is any number of them",
    pattern: Some(r"^/([^?\[\]{}\\]|\\[*?\[\]{}~\\])*$"),
};

/// A pattern over where a repository comes from.
pub(crate) const REMOTE: Grammar = Grammar {
    name: "remote pattern",
    meaning: "`host/path`: `git.example/team/*`, `*.example/**`",
    pattern: Some(r"^[^/:][^\u0000]*[/:][^\u0000]*$"),
};

/// A pattern over hosts that people log in to.
pub(crate) const DESTINATION: Grammar = Grammar {
    name: "login pattern",
    meaning: "`host`, `*.host` or `*`, with `user@` before it if you like, or after `~` a regular expression",
    pattern: Some(r"^(~[\s\S]*|[^\u0000]+)$"),
};

/// A pattern over hosts.
pub(crate) const HOST: Grammar =
    Grammar { name: "host pattern", meaning: "`host`, `*.host` or `*`", pattern: Some(r"^(\*|(\*\.)?[^*\u0000]+)$") };

/// A file by its path.
pub(crate) const PATH: Grammar = Grammar { name: "path", meaning: "an absolute path", pattern: Some(r"^/[^\u0000]*$") };

/// Where the value of a secret is kept.
pub(crate) const SOURCE: Grammar = Grammar {
    name: "source",
    meaning: "`env:NAME`, `file:/path`, `cmd:/path`, `keyring:SERVICE/USER`, `age:/path`, `op://VAULT/ITEM/FIELD`, \
              `vault:PATH#FIELD` or `pass:ENTRY`",
    pattern: Some(r"^[^\u0000-\u001f\u007f-\u009f]*$"),
};

/// A file or directory with all that is below it.
pub(crate) const PLACE: Grammar =
    Grammar { name: "place", meaning: "an absolute path, `~` or `~/below`", pattern: Some(r"^(~|(~?/[^*\u0000]*))$") };

/// A place for arguments that are paths.
pub(crate) const UNDER: Grammar = Grammar {
    name: "base",
    meaning: "`.` for the working directory, or an absolute path",
    pattern: Some(r"^(\.|/[^\u0000]*)$"),
};

/// A path below the workspace.
pub(crate) const PROTECTED: Grammar = Grammar {
    name: "relative path",
    meaning: "a path below the workspace root: `.git/hooks`",
    pattern: Some(r"^[^/~*\u0000][^*\u0000]*$"),
};

/// A way out to the network.
pub(crate) const EGRESS: Grammar = Grammar {
    name: "way out",
    meaning: "`HOST[:PORT][/PROTO]`, `CIDR[:PORT][/PROTO]`, `@endpoint`, or `!HOST` for what stays closed",
    pattern: Some(r"^[!@]?[^\s!@]+$"),
};

/// Hosts that an endpoint means.
pub(crate) const OPENING: Grammar = Grammar {
    name: "opening",
    meaning: "`HOST[:PORT][/PROTO]` or `CIDR[:PORT][/PROTO]`",
    pattern: Some(r"^[^\s!@]+$"),
};

/// A port of the host's loopback.
pub(crate) const LOOPBACK: Grammar = Grammar {
    name: "loopback port",
    meaning: "`127.0.0.1:5432` or `[::1]:5432`",
    pattern: Some(r"^(127(\.[0-9]{1,3}){3}|\[[^\]]+\]):[0-9]+$"),
};

/// A port.
pub(crate) const PORT: Grammar =
    Grammar { name: "port", meaning: "a port from 1 to 65535, as text", pattern: Some(r"^[0-9]{1,5}$") };

/// The name of a variable of the environment.
pub(crate) const VARIABLE: Grammar = Grammar {
    name: "variable",
    meaning: "the exact name of a variable: letters, digits and `_`",
    pattern: Some(r"^[A-Za-z_][A-Za-z0-9_]*$"),
};

/// The value of a variable of the environment.
pub(crate) const VALUE: Grammar =
    Grammar { name: "value", meaning: "text without NUL", pattern: Some(r"^[^\u0000]*$") };

/// An option as it is typed.
pub(crate) const OPTION: Grammar = Grammar {
    name: "option",
    meaning: "an option with its dashes and without its value: `--tag`, `-n`",
    pattern: Some(r"^-+[^=\u0000-][^=\u0000]*$"),
};

/// A word that an argument may be.
pub(crate) const ARGUMENT_WORD: Grammar =
    Grammar { name: "word", meaning: "an argument that is no option", pattern: Some(r"^([^\u0000-][^\u0000]*)?$") };

/// A command as an example writes it.
pub(crate) const COMMAND: Grammar = Grammar {
    name: "command",
    meaning: "a command, split into words at blanks; quotes and backslashes group and nothing is expanded",
    pattern: Some(r"\S"),
};
