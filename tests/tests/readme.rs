//! Every command in the README runs on a machine without any configuration.
//!
//! The convention: in a block fenced as `sh` each line is a command, run by `bash -c` in a small fresh project with
//! `opaque-run` and `opaque` on `PATH`; a comment `# exits N` at its end names another code than 0. A block fenced as `sh checkout`
//! holds commands for the product's own checkout: they must be those that `.ci/run` runs. `text` is never run.

use std::path::PathBuf;
use std::time::Duration;

use opaque_tests::{Sandbox, each_identity, opaque};

struct Block {
    kind: String,
    lines: Vec<String>,
}

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(kind), None) => open = Some(Block { kind: kind.trim().to_owned(), lines: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of the README is not closed");
    blocks
}

fn commands(kind: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(checkout().join("README.md")).expect("README.md is there");
    let blocks = blocks(&readme);
    for block in &blocks {
        assert!(
            ["sh", "sh checkout", "text", "toml", "json"].contains(&block.kind.as_str()),
            "a block is fenced as `{}`",
            block.kind
        );
    }
    let chosen = blocks.into_iter().filter(|block| block.kind == kind).flat_map(|block| block.lines);
    chosen.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn furnish(sandbox: &Sandbox) {
    sandbox.write("Cargo.toml", "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n");
    sandbox.write("src/lib.rs", "#[test]\nfn two() { assert_eq!(1 + 1, 2); }\n");
    sandbox.write("Makefile", "all:\n\t@echo built\n");
    sandbox.script("build.sh", "#!/bin/sh\necho built\n");
    sandbox.shell_outside("git init -q").expect(0);
    std::fs::copy(opaque(), sandbox.base().join("tools/opaque")).expect("the tools have a place");
}

#[test]
fn every_command_runs_as_the_readme_says() {
    let commands = commands("sh");
    assert!(!commands.is_empty(), "the README shows no command");
    each_identity(|sandbox| {
        furnish(sandbox);
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        for name in [".cargo", ".rustup"] {
            if home.join(name).is_dir() {
                sandbox.show(&home.join(name), &sandbox.home().join(name));
            }
        }
        let tools = sandbox.base().join("tools").display().to_string();
        let path = format!("{tools}:{}:/usr/local/bin:/usr/bin:/bin", sandbox.home().join(".cargo/bin").display());
        for command in &commands {
            let wanted = command.rsplit_once("# exits ").and_then(|(_, code)| code.trim().parse().ok()).unwrap_or(0);
            let launch = sandbox.launch_outside(["bash", "-c", command]).env("PATH", &path);
            let ended = launch.patience(Duration::from_secs(120)).finish();
            assert_eq!(ended.code, Some(wanted), "`{command}`\n{ended}");
        }
    });
}

#[test]
fn the_commands_for_the_checkout_are_those_that_ci_runs() {
    let commands = commands("sh checkout");
    assert!(!commands.is_empty(), "the README does not say how to build and test");
    let ci = std::fs::read_to_string(checkout().join(".ci/run")).expect(".ci/run is there");
    for command in commands {
        let command = command.split('#').next().unwrap_or_default().trim().to_owned();
        assert!(ci.contains(&command), "`{command}` is in the README and not in .ci/run");
    }
}
