//! Policies to begin with. Each is a whole file, with examples that are checked like anybody's.

/// A policy to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What it is called.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// All of them.
pub const PRESETS: [Preset; 6] = [
    Preset { name: "personal", text: include_str!("../presets/personal.toml") },
    Preset { name: "strict", text: include_str!("../presets/strict.toml") },
    Preset { name: "ci", text: include_str!("../presets/ci.toml") },
    Preset { name: "agent-readonly", text: include_str!("../presets/agent-readonly.toml") },
    Preset { name: "agent-dev", text: include_str!("../presets/agent-dev.toml") },
    Preset { name: "release", text: include_str!("../presets/release.toml") },
];

impl Preset {
    /// What it is for: the first line of its comment.
    #[must_use]
    pub fn purpose(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

#[cfg(test)]
mod tests {
    use crate::decision::Decision;
    use crate::document::SourceFile;
    use crate::path::AbsPath;
    use crate::policy_set::PolicySet;
    use crate::profile::Profiles;
    use crate::request_file::RequestFile;
    use crate::sources::{PolicySources, Sight};

    use super::*;

    /// What a preset answers to a kind of client who types this in a checkout of `main`.
    fn answer(preset: &Preset, kind: &str, line: &str) -> &'static str {
        let words: Vec<&str> = line.split(' ').collect();
        let request = serde_json::json!({
            "principal": { "uid": 1000, "kind": kind },
            "command": { "path": format!("/usr/bin/{}", words[0]), "argv": words, "cwd": "/home/ann/src" },
            "repository": { "branch": "main" },
        });
        let user = vec![SourceFile { file: format!("{}.toml", preset.name), bytes: preset.text.as_bytes().to_vec() }];
        let sources = PolicySources { home: AbsPath::new("/home/ann").unwrap(), system: Vec::new(), user, repo: None };
        let policies = PolicySet::load(&sources, Sight::First).unwrap_or_else(|error| panic!("{error}"));
        match policies.decide(&RequestFile::parse(&request.to_string()).unwrap(), &Profiles::built_in()) {
            Decision::Allow(_) => "allow",
            Decision::Ask(_) => "ask",
            Decision::Deny(_) => "deny",
        }
    }

    #[test]
    fn every_preset_answers_as_its_purpose_says() {
        for (name, kind, line, expected) in [
            ("personal", "human", "ls", "allow"),
            ("personal", "human", "npm test", "allow"),
            ("personal", "human", "npm publish", "ask"),
            ("personal", "human", "git push --force", "deny"),
            ("strict", "human", "ls", "allow"),
            ("strict", "human", "touch x", "ask"),
            ("strict", "human", "sudo ls", "deny"),
            ("ci", "ci", "cargo test", "allow"),
            ("ci", "ci", "npm publish", "deny"),
            ("ci", "ci", "sudo ls", "deny"),
            ("agent-readonly", "agent", "grep -rn x .", "allow"),
            ("agent-readonly", "agent", "touch x", "deny"),
            ("agent-readonly", "agent", "./script", "deny"),
            ("agent-dev", "agent", "cargo test", "allow"),
            ("agent-dev", "agent", "git commit -m x", "allow"),
            ("agent-dev", "agent", "git push", "deny"),
            ("agent-dev", "agent", "npm publish", "deny"),
            ("release", "human", "npm publish --tag next", "ask"),
            ("release", "agent", "npm publish --tag next", "deny"),
            ("release", "human", "npm publish --tag evil", "deny"),
            ("release", "human", "ls", "deny"),
        ] {
            let preset = PRESETS.iter().find(|preset| preset.name == name).unwrap();
            assert_eq!(answer(preset, kind, line), expected, "{name}: {kind}: {line}");
        }
    }

    #[test]
    fn every_preset_says_what_it_is_for() {
        for preset in PRESETS {
            assert!(preset.purpose().len() > 20 && preset.text.contains("[[rules.examples]]"), "{}", preset.name);
        }
    }
}
