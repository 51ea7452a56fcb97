//! Endpoints: the hosts that a person's tools are configured to use come out in the plan, the tools inside are told the
//! same, and credentials stay outside.

use std::path::PathBuf;

use opaque_tests::{Ended, Sandbox, each_identity, missing};
use serde_json::Value;

const TOKEN: &str = "s3cr3t-t0k3n";

fn npmrc(sandbox: &Sandbox) {
    let text = format!(
        "registry=https://ann:{TOKEN}@npm.example.test/all/\n@team:registry=https://team.example.test:8443/\n\
         //npm.example.test/all/:_authToken={TOKEN}\n"
    );
    sandbox.setting(".npmrc", &text);
}

fn plan(ended: &Ended) -> Value {
    let shown: Value = serde_json::from_slice(&ended.expect(0).stdout).unwrap();
    shown["plan"].clone()
}

fn ways(plan: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ways = plan["network"]["egress"].as_array().unwrap();
    ways.iter().map(|way| (text(&way["opening"]), text(&way["endpoint"]))).collect()
}

fn variable(plan: &Value, name: &str) -> Option<String> {
    let variables = plan["env"].as_array().unwrap();
    let found = variables.iter().find(|variable| variable["name"] == name)?;
    Some(found["value"].as_str().unwrap().to_owned())
}

fn way(opening: &str, endpoint: &str) -> (String, String) {
    (opening.to_owned(), endpoint.to_owned())
}

#[test]
fn the_plan_shows_the_hosts_that_come_out() {
    each_identity(|sandbox| {
        npmrc(sandbox);
        sandbox.setting(".config/pip/pip.conf", "[global]\nindex-url = http://pip.example.test/simple\n");
        let flags = ["--plan", "--json", "--allow-net", "@npm-registry", "--allow-net", "@pip-index"];
        let plan = plan(&sandbox.run(flags.into_iter().chain(["--", "true"])));
        let expected = [
            way("team.example.test:8443/tls", "@npm-registry"),
            way("npm.example.test:443/tls", "@npm-registry"),
            way("pip.example.test:80/http", "@pip-index"),
        ];
        assert_eq!(ways(&plan), expected);
        assert_eq!(variable(&plan, "npm_config_registry").as_deref(), Some("https://npm.example.test/all/"));
        assert_eq!(variable(&plan, "PIP_INDEX_URL").as_deref(), Some("http://pip.example.test/simple"));
    });
}

#[test]
fn npm_inside_uses_the_registries_without_the_token() {
    each_identity(|sandbox| {
        npmrc(sandbox);
        let script = "npm config get registry; npm config get @team:registry; cat ~/.npmrc";
        let ended = sandbox.run(["--profile", "npm", "--", "sh", "-c", script]);
        let team = "https://team.example.test:8443/";
        assert_eq!(ended.expect(0).text(), format!("https://npm.example.test/all/\n{team}\n@team:registry={team}"));
    });
}

#[test]
fn cargo_inside_asks_the_registry_that_replaces_its_own() {
    each_identity(|sandbox| {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        if !home.join(".rustup").is_dir() || !home.join(".cargo/bin").is_dir() {
            return missing("rustup");
        }
        let config = format!(
            "[source.crates-io]\nreplace-with = \"mirror\"\n[source.mirror]\nregistry = \"sparse+https://{TOKEN}@cargo.example.test/index/\"\n"
        );
        sandbox.setting(".cargo/config.toml", &config);
        sandbox.show(&home.join(".rustup"), &sandbox.home().join(".rustup"));
        sandbox.show(&home.join(".cargo/bin"), &sandbox.home().join(".cargo/bin"));
        sandbox.write("src/lib.rs", "");
        let manifest = "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nserde = \"1\"\n[workspace]\n";
        sandbox.write("Cargo.toml", manifest);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", sandbox.home().join(".cargo/bin").display());
        let launch = sandbox.launch(["--profile", "cargo", "--", "cargo", "fetch"]).env("PATH", path);
        let ended = launch.env("CARGO_NET_RETRY", "0").patience(std::time::Duration::from_secs(60)).finish();
        assert_eq!(ended.code, Some(101), "{ended}");
        assert!(ended.errors().contains("cargo.example.test"), "{ended}");
        assert!(!ended.errors().contains(TOKEN), "{ended}");
    });
}

#[test]
fn a_token_stands_in_nothing_that_is_shown_recorded_or_reported() {
    each_identity(|sandbox| {
        npmrc(sandbox);
        let command = ["--profile", "npm", "--", "sh", "-c", "env; cat ~/.npmrc; exit 3"];
        let shows = [["--plan"].as_slice(), &["--plan", "--json"], &["--explain"], &["--explain", "--json"]];
        for flags in shows {
            let ended = sandbox.run(flags.iter().chain(&command));
            assert!(ended.expect(0).text().contains("npm.example.test"), "control: {ended}");
            assert!(!ended.text().contains(TOKEN) && !ended.errors().contains(TOKEN), "{flags:?}: {ended}");
        }
        let ended = sandbox.run_reporting(command);
        assert!(ended.expect(3).text().contains("npm.example.test"), "control: {ended}");
        for text in [ended.text(), ended.errors(), ended.reported().to_string()] {
            assert!(!text.contains(TOKEN), "{text}");
        }
        let search = |what: &str| {
            let script = format!("grep -rqs -e '{what}' ~/.local/state/opaque");
            sandbox.shell_outside(&script).code
        };
        assert_eq!(search("npm"), Some(0), "control: the journal is there");
        assert_eq!(search(TOKEN), Some(1));
    });
}

#[test]
fn an_endpoint_that_nobody_names_stops_the_run_with_the_line_to_write() {
    each_identity(|sandbox| {
        let ended = sandbox.run(["--profile", "pip", "--", "touch", "started"]);
        ended.expect(125);
        assert!(ended.errors().contains("@pip-index"), "{ended}");
        assert!(
            ended.errors().contains("write `pip-index = [\"HOST\"]` into ~/.config/opaque/endpoints.toml"),
            "{ended}"
        );
        assert!(!sandbox.project().join("started").exists());
        sandbox.setting(".config/opaque/endpoints.toml", "version = 1\npip-index = [\"pip.example.test\"]\n");
        let plan = plan(&sandbox.run(["--plan", "--json", "--profile", "pip", "--", "true"]));
        assert_eq!(ways(&plan), [way("pip.example.test:443/tls", "@pip-index")]);
    });
}

#[test]
fn a_wrong_line_of_endpoints_stops_the_run_with_its_place() {
    each_identity(|sandbox| {
        let file = sandbox.setting(".config/opaque/endpoints.toml", "version = 1\npip-indx = []\n");
        let ended = sandbox.run(["--profile", "pip", "--", "true"]);
        ended.expect(125);
        for text in [&format!("{}:2:1", file.display()), "did you mean `pip-index`?"] {
            assert!(ended.errors().contains(text), "{ended}");
        }
        sandbox.run(["--", "true"]).expect(0);
    });
}

#[test]
fn a_file_that_others_may_write_stops_the_run_with_the_chmod() {
    each_identity(|sandbox| {
        npmrc(sandbox);
        sandbox.shell_outside("chmod 666 ~/.npmrc").expect(0);
        let ended = sandbox.run(["--profile", "npm", "--", "true"]);
        ended.expect(125);
        assert!(ended.errors().contains("chmod go-w"), "{ended}");
        sandbox.shell_outside("chmod go-w ~/.npmrc").expect(0);
        sandbox.run(["--profile", "npm", "--", "true"]).expect(0);
    });
}

#[test]
fn what_only_the_workspace_names_is_said_and_not_granted() {
    each_identity(|sandbox| {
        npmrc(sandbox);
        sandbox.write(".npmrc", "registry=https://work.example.test/\n");
        sandbox.shell_outside("git init -q . && git remote add origin git@git.example.test:a.git").expect(0);
        let flags = ["--plan", "--json", "--profile", "npm", "--allow-net", "@git-remote", "--", "true"];
        let plan = plan(&sandbox.run(flags));
        let notes = plan["notes"].to_string();
        for host in ["--allow-net work.example.test:443/tls", "--allow-net git.example.test:22/tcp"] {
            assert!(notes.contains(host), "{notes}");
        }
        assert!(ways(&plan).iter().all(|(_, endpoint)| endpoint == "@npm-registry"), "{plan:#}");
        assert!(!plan["network"].to_string().contains("work.example.test"), "{plan:#}");
    });
}

/// A program in the home that stands for npm.
fn npm(sandbox: &Sandbox, place: &str, script: &str) -> String {
    let file = sandbox.script(sandbox.home().join(place).join("npm"), format!("#!/bin/sh\n{script}\n"));
    file.parent().unwrap().display().to_string()
}

#[test]
fn a_tool_is_asked_inside_a_sandbox_and_never_one_of_the_workspace() {
    each_identity(|sandbox| {
        let script = "test \"$*\" = 'config get registry' || exit 1; test -e ~/project && where=seen || where=empty; touch /usr/x 2>/dev/null && where=open; echo https://$where.example.test/";
        let own = npm(sandbox, ".local/bin", script);
        let work = npm(sandbox, "project/node_modules/.bin", "echo https://work.example.test/");
        let path = format!("{work}:{own}:/usr/local/bin:/usr/bin:/bin");
        let launch = sandbox.launch(["--plan", "--json", "--profile", "npm", "--", "true"]).env("PATH", &path);
        sandbox.needs_belief();
        let plan = plan(&launch.env("npm_config_loglevel", "silent").finish());
        assert_eq!(ways(&plan), [way("empty.example.test:443/tls", "@npm-registry")]);
        assert_eq!(variable(&plan, "npm_config_registry").as_deref(), Some("https://empty.example.test/"));
    });
}

#[test]
fn a_tool_that_talks_too_much_or_never_answers_is_given_up() {
    each_identity(|sandbox| {
        for (script, whys) in [("yes https://a.example.test/", ["122", "too long"]), ("sleep 100", ["124", "124"])] {
            let path = format!("{}:/usr/bin:/bin", npm(sandbox, ".local/bin", script));
            let ended = sandbox.launch(["--profile", "npm", "--", "true"]).env("PATH", path).finish();
            ended.expect(125);
            assert!(ended.errors().contains("`npm` could not be asked"), "{ended}");
            assert!(whys.iter().any(|why| ended.errors().contains(why)), "{ended}");
            assert!(ended.elapsed.as_secs() < 20, "{ended}");
        }
    });
}

#[test]
fn a_ceiling_names_endpoints_and_holds_flags_to_them() {
    each_identity(|sandbox| {
        npmrc(sandbox);
        let policy = |egress: &str| {
            let text = format!(
                "version = 1\ndefault = \"deny\"\n[[rules]]\nname = \"all\"\naction = \"allow\"\n[rules.sandbox]\nprofiles = [\"npm\", \"default\"]\negress = [{egress}]\n"
            );
            sandbox.policy(&text);
        };
        policy("\"@npm-registry\"");
        let plan = plan(&sandbox.run(["--plan", "--json", "--profile", "npm", "--", "true"]));
        assert!(ways(&plan).contains(&way("npm.example.test:443/tls", "@npm-registry")), "{plan:#}");
        // The endpoint is granted, not its host by name, nor another endpoint.
        for asked in ["npm.example.test", "@pip-index"] {
            let ended = sandbox.run(["--profile", "npm", "--allow-net", asked, "--", "true"]);
            assert!(ended.expect(120).errors().contains(asked), "{ended}");
        }
        policy("");
        assert!(sandbox.run(["--profile", "npm", "--", "true"]).expect(120).errors().contains("@npm-registry"));
    });
}
