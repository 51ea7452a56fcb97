//! What each tool's configuration comes to.

use EndpointName::{CargoRegistry, GitRemote, GoProxy, NpmRegistry, PipIndex};

use super::*;

#[test]
fn npm_uses_the_registry_and_the_scopes_of_the_person() {
    let machine = Machine::new().set("PLACE", "all");
    let text = format!(
        "; mine\nregistry = \"https://ann:{TOKEN}@npm.example.test/${{PLACE}}/\"\n@team:registry=http://team.example.test:8081/\n\
         //npm.example.test/all/:_authToken={TOKEN}\n_auth = {TOKEN}\nalways-auth=true\n"
    );
    machine.write("~/.npmrc", &text);
    let expected = Shown {
        files: vec![("/home/ann/.npmrc".into(), "@team:registry=http://team.example.test:8081/\n".into())],
        ..shown(
            &["team.example.test:8081/http", "npm.example.test:443/tls"],
            &["npm_config_registry=https://npm.example.test/all/"],
        )
    };
    assert_eq!(machine.resolved(NpmRegistry), expected);
}

#[test]
fn the_stronger_word_counts_for_npm() {
    let machine = Machine::new().answers("npm", "https://default.example.test/\n");
    let registry = |machine: &Machine| machine.resolved(NpmRegistry).openings;
    assert_eq!(registry(&machine), ["default.example.test:443/tls"]);
    machine.write("etc/npmrc", "registry=https://machine.example.test/\n");
    assert_eq!(registry(&machine), ["machine.example.test:443/tls"]);
    machine.write("~/.npmrc", "registry=https://person.example.test/\n");
    assert_eq!(registry(&machine), ["person.example.test:443/tls"]);
    machine.write("~/other", "registry=https://other.example.test/\n");
    let machine = machine.set("NPM_CONFIG_USERCONFIG", "/home/ann/other");
    assert_eq!(registry(&machine), ["other.example.test:443/tls"]);
    let machine = machine.set("NPM_CONFIG_REGISTRY", "https://variable.example.test/");
    assert_eq!(registry(&machine), ["variable.example.test:443/tls"]);
}

#[test]
fn what_the_tool_does_not_say_the_person_states() {
    let machine = Machine::new();
    let (why, hint) = machine.unknown(NpmRegistry);
    assert!(why.contains("`npm` does not exist"), "{why}");
    assert!(hint.contains("`npm-registry = [\"HOST\"]`") && hint.contains("endpoints.toml"), "{hint}");
    machine.write("etc/opaque/endpoints.toml", "version = 1\nnpm-registry = [\"machine.example.test\"]\n");
    assert_eq!(machine.resolved(NpmRegistry), shown(&["machine.example.test:443/tls"], &[]));
    let text = "version = 1\nnpm-registry = [\"npm.example.test\", \"files.example.test:80\"]\n";
    machine.write("~/.config/opaque/endpoints.toml", text);
    assert_eq!(
        machine.resolved(NpmRegistry),
        shown(&["npm.example.test:443/tls", "files.example.test:80/http"], &[]),
        "the person's word replaces the machine's"
    );
    machine.write("~/.npmrc", "registry=https://own.example.test\n");
    assert_eq!(machine.resolved(NpmRegistry).openings, ["own.example.test:443/tls"], "the tool's own setting is first");
}

#[test]
fn pip_uses_the_indexes_of_the_person() {
    let machine = Machine::new();
    machine.write("etc/pip.conf", "[global]\nindex-url = https://machine.example.test/simple\nno-input = yes\n");
    let text = format!(
        "[global]\nindex_url: https://ann:{TOKEN}@pip.example.test/simple\nextra-index-url =\n    https://a.example.test/simple\n    \
         http://{TOKEN}@b.example.test:8080/simple\n# no\n[install]\ntrusted-host = b.example.test\n[download]\nindex-url = https://no.example.test\n"
    );
    machine.write("~/.config/pip/pip.conf", &text);
    assert_eq!(
        machine.resolved(PipIndex),
        shown(
            &["pip.example.test:443/tls", "a.example.test:443/tls", "b.example.test:8080/http"],
            &[
                "PIP_EXTRA_INDEX_URL=https://a.example.test/simple http://b.example.test:8080/simple",
                "PIP_INDEX_URL=https://pip.example.test/simple",
                "PIP_TRUSTED_HOST=b.example.test",
            ],
        )
    );
    let machine = machine.set("PIP_CONFIG_FILE", "/dev/null").set("PIP_INDEX_URL", "https://v.example.test/simple");
    assert_eq!(
        machine.resolved(PipIndex),
        shown(&["v.example.test:443/tls"], &["PIP_INDEX_URL=https://v.example.test/simple"])
    );
}

#[test]
fn cargo_uses_the_sources_and_registries_of_the_person() {
    let machine = Machine::new().set("CARGO_REGISTRIES_MY_TEAM_INDEX", "https://env.example.test/index");
    let text = format!(
        "[source.crates-io]\nreplace-with = 'near'\n[source.near]\nreplace-with = 'far'\n\
         [source.far]\nregistry = 'sparse+https://{TOKEN}@cargo.example.test/index/'\n\
         [registries.my-team]\nindex = 'https://team.example.test/index'\ntoken = '{TOKEN}'\n\
         [registries.old]\nindex = 'ssh://git@git.example.test/index'\n[build]\nrustc-wrapper = '{TOKEN}'\n"
    );
    machine.write("~/.cargo/config.toml", &text).write("~/.cargo/credentials.toml", TOKEN);
    let file = "[source.crates-io]\nreplace-with = \"near\"\n[source.near]\nreplace-with = \"far\"\n[source.far]\n\
                registry = \"sparse+https://cargo.example.test/index/\"\n[registries.my-team]\nindex = \"https://env.example.test/index\"\n\
                [registries.old]\nindex = \"ssh://git.example.test/index\"\n";
    let expected = Shown {
        files: vec![("/home/ann/.cargo/config.toml".into(), file.into())],
        ..shown(&["cargo.example.test:443/tls", "env.example.test:443/tls", "git.example.test:22/tcp"], &[])
    };
    assert_eq!(machine.resolved(CargoRegistry), expected);
    let mut elsewhere = machine;
    elsewhere.grants = Profiles::built_in().grants("cargo").unwrap();
    assert_eq!(elsewhere.resolved(CargoRegistry).files[0].0, "/tmp/cargo/config.toml");
}

#[test]
fn sources_that_lead_nowhere_are_refused() {
    for text in [
        "[source.crates-io]\nreplace-with = 'a'\n",
        "[source.crates-io]\nreplace-with = 'a'\n[source.a]\nreplace-with = 'crates-io'\n",
        "[source.crates-io]\nreplace-with = 'a\"b'\n",
        "[source.crates-io]\nreplace-with = 'a'\n[source.a]\nregistry = 'no url'\n",
        "not toml",
    ] {
        let machine = Machine::new();
        machine.write("~/.cargo/config.toml", text);
        assert!(machine.unknown(CargoRegistry).1.contains("correct /home/ann/.cargo/config.toml"), "{text}");
    }
}

#[test]
fn a_source_may_be_one_of_the_registries_or_a_directory() {
    let machine = Machine::new();
    let text = "[source.crates-io]\nreplace-with = 'm'\n[registries.m]\nindex = 'sparse+https://m.example.test/'\n";
    machine.write("~/.cargo/config.toml", text);
    assert_eq!(machine.resolved(CargoRegistry).openings, ["m.example.test:443/tls"]);
    let text = "[source.crates-io]\nreplace-with = 'm'\n[source.m]\nlocal-registry = '/srv/crates'\n";
    machine.write("~/.cargo/config.toml", text);
    let resolved = machine.resolved(CargoRegistry);
    assert_eq!(resolved.openings, [""; 0]);
    assert_eq!(resolved.notes, ["cargo's source is `/srv/crates`: show it with `--read /srv/crates`"]);
}

#[test]
fn go_uses_the_proxies_and_the_database_of_the_person() {
    let machine = Machine::new();
    let text = format!(
        "GOPROXY=https://ann:{TOKEN}@go.example.test|http://b.example.test:3000,direct\nGOSUMDB=sum.example.test+abc\n"
    );
    machine.write("~/.config/go/env", &text);
    assert_eq!(
        machine.resolved(GoProxy),
        shown(
            &["go.example.test:443/tls", "b.example.test:3000/http", "sum.example.test:443/tls"],
            &["GOPROXY=https://go.example.test|http://b.example.test:3000,direct", "GOSUMDB=sum.example.test+abc"],
        )
    );
    let machine = machine.set("GOSUMDB", "off").set("GOPROXY", "off");
    assert_eq!(machine.resolved(GoProxy), shown(&[], &["GOPROXY=off", "GOSUMDB=off"]));
    let machine = machine.set("GOSUMDB", &format!("name.test https://{TOKEN}@sum.example.test/x"));
    let machine = machine.set("GOPROXY", "direct");
    let resolved = machine.resolved(GoProxy);
    assert_eq!(resolved.openings, ["sum.example.test:443/tls"]);
    assert_eq!(resolved.env, ["GOPROXY=direct", "GOSUMDB=name.test https://sum.example.test/x"]);
    assert!(resolved.notes[0].contains("`direct`"), "{:?}", resolved.notes);
}

#[test]
fn go_says_what_the_person_has_not_set() {
    let machine = Machine::new().answers("go", "https://go.example.test,direct\nsum.example.test\n");
    let own = shown(
        &["go.example.test:443/tls", "sum.example.test:443/tls"],
        &["GOPROXY=https://go.example.test,direct", "GOSUMDB=sum.example.test"],
    );
    assert_eq!(machine.resolved(GoProxy), own);
    let machine = machine.set("GOPROXY", "https://mine.example.test");
    assert_eq!(machine.resolved(GoProxy).openings, ["mine.example.test:443/tls", "sum.example.test:443/tls"]);
    assert!(Machine::new().unknown(GoProxy).0.contains("`go` does not exist"));
}

#[test]
fn a_remote_counts_only_where_the_person_names_its_host() {
    let machine = Machine::new();
    let config = format!(
        "[remote \"origin\"]\n\turl = git@git.example.test:a/b.git\n[remote \"up\"]\n\turl = https://ann:{TOKEN}@up.example.test/a.git\n\
         [remote \"near\"]\n\turl = ../near.git\n[remote \"short\"]\n\turl = team:a\n[url \"https://evil.example.test/\"]\n\tinsteadOf = team:\n"
    );
    machine.write("~/work/.git/config", &config);
    let alone = machine.resolved(GitRemote);
    assert_eq!(alone.openings, [""; 0]);
    let note = "the remote git.example.test is named by the workspace alone: allow it with `--allow-net git.example.test:22/tcp`";
    assert!(alone.notes.contains(&note.to_owned()), "{:?}", alone.notes);
    assert_eq!(alone.notes.len(), 3, "{:?}", alone.notes);
    assert!(!format!("{alone:?}").contains("evil"), "{alone:?}");

    machine.write("~/.config/opaque/endpoints.toml", "version = 1\ngit-remote = [\"git.example.test:22/tcp\"]\n");
    machine.write("~/.gitconfig", "[url \"https://team.example.test/\"]\n\tinsteadOf = team:\n");
    let named = machine.resolved(GitRemote);
    assert_eq!(named.openings, ["git.example.test:22/tcp", "team.example.test:443/tls"]);
    assert_eq!(named.notes.len(), 1, "{:?}", named.notes);
}

#[test]
fn git_inside_is_told_the_substitutions_that_were_used() {
    let machine = Machine::new();
    machine.write("~/work/.git/config", "[remote \"origin\"]\nurl = https://a.example.test/x\n");
    machine.write("~/.gitconfig", "[url \"https://b.example.test/\"]\ninsteadOf = https://a.example.test/\n");
    let expected = shown(
        &["b.example.test:443/tls"],
        &[
            "GIT_CONFIG_COUNT=1",
            "GIT_CONFIG_KEY_0=url.https://b.example.test/.insteadOf",
            "GIT_CONFIG_VALUE_0=https://a.example.test/",
        ],
    );
    assert_eq!(machine.resolved(GitRemote), expected);
    let text = format!("[url \"https://{TOKEN}@b.example.test/\"]\ninsteadOf = https://a.example.test/\n");
    machine.write("~/.gitconfig", &text);
    assert_eq!(machine.resolved(GitRemote), shown(&["b.example.test:443/tls"], &[]), "its token stays outside");
}

#[test]
fn certificates_are_named_inside_where_they_exist_inside() {
    let mut machine = Machine::new().set("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/own.pem");
    machine.write("~/.npmrc", "registry=https://npm.example.test\ncafile=/home/ann/ca.pem\n");
    let resolved = machine.resolved(NpmRegistry);
    assert!(resolved.env.contains(&"NODE_EXTRA_CA_CERTS=/etc/ssl/certs/own.pem".to_owned()), "{resolved:?}");
    assert!(!resolved.env.iter().any(|set| set.starts_with("npm_config_cafile")), "{resolved:?}");
    assert!(resolved.notes[0].contains("--read /home/ann/ca.pem"), "{resolved:?}");
    let place = opaque_policy::grants::Place::Absolute(AbsPath::new("/home/ann/ca.pem").unwrap());
    machine.grants.read.push(opaque_policy::grants::Grant { place, origin: opaque_policy::grants::Origin::Flag });
    let resolved = machine.resolved(NpmRegistry);
    assert!(resolved.env.contains(&"npm_config_cafile=/home/ann/ca.pem".to_owned()), "{resolved:?}");
}

#[test]
fn the_machines_own_loopback_takes_its_own_flag() {
    let machine = Machine::new();
    machine.write("~/.npmrc", "registry=http://localhost:4873/\n");
    let resolved = machine.resolved(NpmRegistry);
    assert_eq!(resolved.openings, [""; 0]);
    assert!(resolved.notes[0].contains("`--loopback 127.0.0.1:4873`"), "{resolved:?}");
}
