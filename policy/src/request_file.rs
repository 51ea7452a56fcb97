//! A request as a file: what `explain`, `test` and `simulate` are asked about without running anything.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::distinct::distinct_keys;
use crate::fact::Fact;
use crate::path::AbsPath;
use crate::principal::Principal;
use crate::request::{Asked, Command, Inode, Operation, Program, RUN, Request};
use crate::surroundings::{Repository, Surroundings};
use crate::text::Text;

/// The format of a request's file, in JSON. What is left out is not known; what is `null` is absent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    /// Who asks.
    principal: Principal,
    /// The name of the operation; a command run without it.
    #[serde(default = "run")]
    operation: String,
    /// Fields of the operation's target.
    #[serde(default)]
    target: BTreeMap<String, Text>,
    /// The names of the secrets that it is to use.
    #[serde(default)]
    secrets: Vec<String>,
    /// What is to run.
    command: CommandFile,
    /// Where the repository stands.
    #[serde(default)]
    repository: Repository,
    /// What stands around the one who asks.
    #[serde(default)]
    context: Surroundings,
    /// The profile that is asked for.
    #[serde(default)]
    profile: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandFile {
    /// The program, with links resolved.
    path: AbsPath,
    /// The argument vector, the name as typed first.
    argv: Vec<Text>,
    cwd: AbsPath,
    #[serde(default)]
    sha256: Fact<String>,
}

fn run() -> String {
    RUN.to_owned()
}

impl RequestFile {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, with line and column.
    pub fn parse(text: &str) -> Result<Request, String> {
        distinct_keys(text)?;
        let file: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if file.command.argv.is_empty() {
            return Err("`argv` is empty: a command has a name at least".to_owned());
        }
        Ok(file.into_request())
    }

    /// The request. Nothing of it was opened, so it can be decided and not be run.
    #[must_use]
    pub fn into_request(self) -> Request {
        let program = Program {
            named: self.command.path.clone(),
            path: self.command.path,
            inode: Inode { device: 0, number: 0 },
            sha256: self.command.sha256.known().map(|digest| digest.to_ascii_lowercase()),
            interpreters: Vec::new(),
        };
        let (argv, cwd) = (self.command.argv, self.command.cwd);
        let mut command = Command { program, argv, cwd, classes: Fact::Unknown };
        command.classify();
        Request {
            principal: self.principal,
            operation: Operation { name: self.operation, target: self.target, secrets: self.secrets },
            command,
            repository: self.repository,
            surroundings: self.context,
            asked: Asked { profile: self.profile, ..Asked::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{
        "principal": { "uid": 1000, "kind": "human" },
        "command": { "path": "/usr/bin/git", "argv": ["git", "push"], "cwd": "/home/ann/src" }
    }"#;

    #[test]
    fn what_is_left_out_is_not_known_and_null_is_absent() {
        let request = RequestFile::parse(SMALL).unwrap();
        assert_eq!(request.operation.name, "sandbox.exec");
        assert_eq!(request.surroundings, Surroundings::default());
        let text =
            SMALL.replace("\"command\"", "\"context\": { \"ssh_dest\": null, \"origin\": \"ssh\" }, \"command\"");
        let request = RequestFile::parse(&text).unwrap();
        assert_eq!(request.surroundings.ssh_dest, Fact::Absent);
        assert!(request.surroundings.cgroup.is_unknown());
    }

    /// Everything that a request may say.
    const WHOLE: &str = r#"{
        "principal": { "uid": 1000, "kind": "agent", "executable": { "path": "/usr/bin/claude" }, "roles": ["release"] },
        "operation": "ssh.sign",
        "target": { "repo": "team/app", "host": "git.example" },
        "secrets": ["TOKEN"],
        "command": { "path": "/usr/bin/git", "argv": ["git", "push"], "cwd": "/home/ann/src", "sha256": null },
        "repository": { "remote_url": "git@git.example:team/app", "branch": "main" },
        "context": { "env": { "CI": "1" }, "origin": "tty", "is_in_container": false }
    }"#;

    /// Every key, with what stands before it and from it on.
    fn keys() -> Vec<(&'static str, &'static str, &'static str)> {
        let ends = WHOLE.match_indices("\": ").map(|(end, _)| end);
        let key = |end: usize| {
            let (before, _) = WHOLE.split_at(end);
            let (before, from) = WHOLE.split_at(before.rfind('"').unwrap());
            (before, from, from.split('"').nth(1).unwrap())
        };
        ends.map(key).collect()
    }

    /// A key with its value, to the next comma or brace on its level.
    fn entry(from: &str) -> &str {
        let mut depth = 0;
        let end = from.find(|character| {
            depth += match character {
                '{' | '[' => 1,
                '}' | ']' => -1,
                _ => 0,
            };
            (depth == 0 && character == ',') || depth < 0
        });
        from.split_at(end.unwrap()).0.trim_end()
    }

    #[test]
    fn a_key_that_is_unknown_or_stands_twice_is_refused_wherever_it_stands() {
        assert!(RequestFile::parse(WHOLE).is_ok(), "{:?}", RequestFile::parse(WHOLE));
        assert!(keys().len() > 20, "{:?}", keys());
        for (before, from, key) in keys() {
            let twice = format!("{before}{}, {from}", entry(from));
            let error = RequestFile::parse(&twice).expect_err(&twice);
            assert!(error.contains(&format!("duplicate key `{key}`")), "{error}\n{twice}");
            // The keys of `target` and `env` are the writer's own.
            if !["repo", "host", "CI"].contains(&key) {
                let unknown = format!("{before}\"confidence\": 1, {from}");
                let error = RequestFile::parse(&unknown).expect_err(&unknown);
                assert!(error.contains("unknown field `confidence`"), "{error}\n{unknown}");
            }
        }
    }

    #[test]
    fn what_a_caller_would_like_to_say_of_itself_is_no_key() {
        for claim in [
            "\"confidence\": 1",
            "\"writes\": false",
            "\"agent\": false",
            "\"provenance\": \"trusted\"",
            "\"trust\": \"verified\"",
        ] {
            for place in ["\"operation\"", "\"uid\"", "\"path\": \"/usr/bin/git\"", "\"branch\""] {
                let claimed = WHOLE.replacen(place, &format!("{claim}, {place}"), 1);
                assert!(RequestFile::parse(&claimed).is_err(), "{claimed}");
            }
        }
    }

    #[test]
    fn what_nobody_understands_is_refused_with_its_place() {
        for (wrong, message) in [
            (SMALL.replace("\"uid\"", "\"role\""), "unknown field `role`"),
            (SMALL.replace("\"principal\"", "\"agent\": false, \"principal\""), "unknown field `agent`"),
            (SMALL.replace("\"uid\": 1000", "\"uid\": 1000, \"uid\": 0"), "duplicate key `uid`"),
            (SMALL.replace("/usr/bin/git", "usr/bin/git"), "is no path"),
            (SMALL.replace("/home/ann/src", "/home/../etc"), "is no path"),
            (SMALL.replace("[\"git\", \"push\"]", "[]"), "`argv` is empty"),
            (SMALL.replace("[\"git\", \"push\"]", "\"git push\""), "invalid type"),
            (SMALL.replace("human", "root"), "unknown variant `root`"),
            (format!("{SMALL}x"), "trailing characters"),
        ] {
            let error = RequestFile::parse(&wrong).unwrap_err();
            assert!(error.contains(message), "{error}\n{wrong}");
        }
    }
}
