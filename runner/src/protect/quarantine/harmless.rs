//! Tells settings of a repository that execute nothing and read nothing elsewhere from all others. A file that is not
//! plainly readable has none: where git might read it otherwise than this does, it is not harmless.

use std::fmt::Write;

use crate::git::settings;

/// Transports that start no program of the address's own choice.
const TRANSPORTS: &[&str] = &["file", "ftp", "ftps", "git", "git+ssh", "http", "https", "ssh", "ssh+git"];

/// The settings of a file that git reads exactly as this does; `None` for any other file.
pub(super) fn plain(content: &[u8]) -> Option<Vec<(String, String)>> {
    let is_plain = |byte: &u8| *byte != b'\\' && (!byte.is_ascii_control() || matches!(*byte, b'\t' | b'\n'));
    if !content.iter().all(is_plain) {
        return None;
    }
    settings::parse_whole(content)
}

/// True when a setting makes git neither execute anything nor look elsewhere for settings or files.
pub(super) fn is_harmless(name: &str, value: &str) -> bool {
    let Some((section, subsection, key)) = split(name) else { return false };
    match (section, subsection, key) {
        (
            "core",
            None,
            "repositoryformatversion"
            | "filemode"
            | "bare"
            | "logallrefupdates"
            | "ignorecase"
            | "symlinks"
            | "precomposeunicode"
            | "autocrlf"
            | "eol"
            | "safecrlf"
            | "untrackedcache"
            | "quotepath"
            | "abbrev"
            | "sparsecheckout"
            | "sparsecheckoutcone",
        )
        | (
            "extensions",
            None,
            "objectformat" | "compatobjectformat" | "refstorage" | "worktreeconfig" | "relativeworktrees"
            | "preciousobjects" | "noop" | "partialclone",
        )
        | ("init", None, "defaultbranch" | "defaultobjectformat" | "defaultrefformat")
        | ("advice" | "color", None, _)
        | ("commit" | "tag", None, "gpgsign")
        | ("pull" | "merge", None, "rebase" | "ff")
        | ("push", None, "default" | "autosetupremote")
        | ("fetch", None, "prune")
        | ("gc", None, "auto" | "autodetach")
        | ("submodule", None, "recurse")
        | ("submodule", Some(_), "active")
        | ("branch", Some(_), "rebase")
        | ("remote", Some(_), "tagopt" | "promisor" | "partialclonefilter" | "prune" | "gh-resolved") => is_word(value),
        ("branch", Some(_), "merge" | "gh-merge-base" | "vscode-merge-base") | ("remote", Some(_), "fetch") => {
            !value.starts_with('-')
        }
        // `!command` is an update as well.
        ("submodule", Some(_), "update") => matches!(value, "checkout" | "rebase" | "merge" | "none"),
        ("remote", Some(_), "url" | "pushurl")
        | ("branch", Some(_), "remote" | "pushremote")
        | ("remote", None, "pushdefault")
        | ("submodule", Some(_), "url") => is_ordinary(value),
        ("user" | "author" | "committer", None, "name" | "email") | ("user", None, "useconfigonly") => true,
        _ => false,
    }
}

/// The harmless settings of a file, written anew.
pub(super) fn rewritten(content: &[u8]) -> String {
    let mut text = String::new();
    for (name, value) in settings::parse(content).iter().filter(|(name, value)| is_harmless(name, value)) {
        let Some((section, subsection, key)) = split(name) else { continue };
        if [name, value].iter().any(|text| text.chars().any(char::is_control)) {
            continue;
        }
        let heading = match subsection {
            Some(subsection) => format!("{section} \"{}\"", quoted(subsection)),
            None => section.to_owned(),
        };
        let _ = write!(text, "[{heading}]\n\t{key} = \"{}\"\n", quoted(value));
    }
    text
}

/// `section.key` or `section.subsection.key`; a subsection may hold anything.
fn split(name: &str) -> Option<(&str, Option<&str>, &str)> {
    let (above, key) = name.rsplit_once('.')?;
    Some(match above.split_once('.') {
        Some((section, subsection)) => (section, Some(subsection), key),
        None => (above, None, key),
    })
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Letters, digits and what numbers, lists and names are made of; no option, no command line.
fn is_word(value: &str) -> bool {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./+*:=@,".contains(character);
    value.chars().all(is_plain) && (!value.starts_with('-') || matches!(value, "--tags" | "--no-tags"))
}

/// True for a remote's name, a path, `host:path` or an address of a known transport; false for `ext::command` and kin.
fn is_ordinary(remote: &str) -> bool {
    match remote.split_once("://") {
        Some((transport, address)) => TRANSPORTS.contains(&transport) && !address.starts_with('-'),
        None => !remote.starts_with('-') && !remote.contains("::"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alone::Alone;

    fn all_harmless(content: &str) -> bool {
        plain(content.as_bytes()).is_some_and(|settings| settings.iter().all(|(name, value)| is_harmless(name, value)))
    }

    #[test]
    fn what_git_itself_writes_is_harmless() {
        assert!(all_harmless(""));
        assert!(all_harmless(
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n[user]\n\tname = Jürgen O'Neil # me\n\temail = j@mail.test\n[remote \"origin\"]\n\turl = git@host.example:a/b.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n"
        ));
        for url in ["https://host.example/a", "ssh://git@[::1]/a", "/srv/a.git", "../a", "host.example:a"] {
            assert!(all_harmless(&format!("[remote \"origin\"]\n\turl = {url}\n")), "{url}");
        }
    }

    #[test]
    fn what_executes_or_looks_elsewhere_is_not() {
        for (section, setting) in [
            ("core", "fsmonitor = /bin/true"),
            ("core", "hooksPath = x"),
            ("core", "sshCommand = x"),
            ("core", "pager = x"),
            ("core", "editor = x"),
            ("core", "worktree = /"),
            ("core", "bare = false x"),
            ("include", "path = ../x"),
            ("includeIf \"gitdir:/\"", "path = x"),
            ("alias", "st = !x"),
            ("filter \"x\"", "clean = x"),
            ("diff \"x\"", "textconv = x"),
            ("credential", "helper = x"),
            ("gpg", "program = x"),
            ("http", "proxy = x"),
            ("url \"ext::x\"", "insteadOf = https://"),
            ("remote \"origin\"", "url = ext::sh -c x"),
            ("remote \"origin\"", "url = ext::sh -c x://y"),
            ("remote \"origin\"", "url = helper://x"),
            ("remote \"origin\"", "url = -oProxyCommand=x:y"),
            ("remote \"origin\"", "url = ssh://-oProxyCommand=x/y"),
            ("remote \"origin\"", "uploadpack = x"),
            ("remote \"origin\"", "vcs = x"),
            ("branch \"main\"", "remote = ext::x"),
            ("submodule \"a\"", "update = !x"),
        ] {
            assert!(!all_harmless(&format!("[{section}]\n\t{setting}\n")), "[{section}] {setting}");
            assert!(!all_harmless(&format!("[{section}] {setting}")), "[{section}] {setting} in one line");
        }
    }

    #[test]
    fn a_file_that_git_may_read_otherwise_is_not_plain() {
        for content in [
            "[core]\n\tbare = a\\\n\tfsmonitor = x\n",
            "[core]\r\n\tbare = false\r\n",
            "[core]\n\tbare = \"false\n\tfsmonitor = x\n",
            "[core]\n\tbare = false\n?\n[core]\n\tfsmonitor = x\n",
            "bare = false\n",
            "[core]\n\tbare = false\0\n",
        ] {
            assert_eq!(plain(content.as_bytes()), None, "{content:?}");
        }
        assert_eq!(plain(b"[user]\n\tname = \xff\n"), None);
    }

    #[test]
    fn git_reads_a_plain_file_as_this_does() {
        use proptest::prelude::*;
        use std::process::Command;
        if Command::new("git").arg("--version").output_alone().is_err() {
            assert!(std::env::var_os("CI").is_none(), "git is missing");
            eprintln!("skipped: git is missing");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        let git_reads = |content: &str| {
            std::fs::write(&file, content).unwrap();
            let listed =
                Command::new("git").args(["config", "--list", "-z", "--file"]).arg(&file).output_alone().unwrap();
            let text = String::from_utf8(listed.stdout).unwrap();
            let pair = |entry: &str| {
                let (name, value) = entry.split_once('\n').unwrap_or((entry, "true"));
                (name.to_owned(), value.to_owned())
            };
            listed.status.success().then(|| text.split_terminator('\0').map(pair).collect::<Vec<_>>())
        };
        let tokens = [
            "[core]",
            "[a.B]",
            "[Remote \"x\"]",
            "[a \"\"]",
            "[",
            "]",
            "\"",
            "\n",
            "\n",
            "\n\t",
            " ",
            "=",
            " = ",
            "bare",
            "fsMonitor",
            "#",
            ";",
            "x",
            "-",
            ".",
            "!",
            "\u{feff}",
            "\u{a0}",
            "\u{85}",
            "\u{2028}",
            "\u{130}",
            "\t",
        ];
        let content = prop::collection::vec(prop::sample::select(tokens.to_vec()), 0..14);
        let read = std::cell::Cell::new(0);
        proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }, |(content in content)| {
            let content = format!("[core]\n{}", content.concat());
            if let Some(settings) = plain(content.as_bytes())
                && let Some(listed) = git_reads(&content)
            {
                read.set(read.get() + settings.len());
                prop_assert_eq!(settings, listed, "{:?}", content);
            }
        });
        assert!(read.get() > 0, "not one setting was compared");
    }

    #[test]
    fn the_harmless_settings_survive_being_written_anew() {
        let content = b"[core]\n\tbare = false\n\tfsmonitor = x\n[include]\n\tpath = x\n[remote \"a\\\"b\"]\n\turl = /srv/a#b\n\turl = \"/srv/a#b\"\n\tfetch = x\n[user]\n\tname = \"A \\\"B\\\" \\\\ C\"\n\temail = \"a\\tb\"\n";
        let text = rewritten(content);
        let expected = [
            ("core.bare", "false"),
            ("remote.a\"b.url", "/srv/a"),
            ("remote.a\"b.url", "/srv/a#b"),
            ("remote.a\"b.fetch", "x"),
            ("user.name", "A \"B\" \\ C"),
        ];
        let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(settings::parse_whole(text.as_bytes()), Some(expected));
    }
}
