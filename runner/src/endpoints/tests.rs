use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use opaque_policy::path::AbsPath;
use opaque_policy::profile::Profiles;

/// What must never come out.
const TOKEN: &str = "s3cr3t-t0k3n";

/// A machine below a temporary directory: a home and, in it, a workspace.
struct Machine {
    directory: tempfile::TempDir,
    root: std::os::fd::OwnedFd,
    home: AbsPath,
    environment: BTreeMap<Text, Text>,
    grants: Grants,
    answers: BTreeMap<&'static str, &'static str>,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = rustix::fs::open(directory.path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let machine = Self {
            directory,
            root,
            home: AbsPath::new("/home/ann").unwrap(),
            environment: BTreeMap::new(),
            grants: Profiles::built_in().grants("default").unwrap(),
            answers: BTreeMap::new(),
        };
        machine.mode("", 0o755);
        machine.write("home/ann/work/README", "");
        machine
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Writes a file that only its owner may write, `~` for the home.
    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.at(&path.replace('~', "home/ann"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        for above in path.ancestors().skip(1).take_while(|above| *above != self.directory.path()) {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
        }
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(Text::from(name), Text::from(value));
        self
    }

    fn answers(mut self, program: &'static str, answer: &'static str) -> Self {
        self.answers.insert(program, answer);
        self
    }

    fn try_resolve(&self, name: EndpointName, is_direct: bool) -> Result<Endpoint, EndpointsError> {
        let workspace = fs::File::open(self.at("home/ann/work")).unwrap();
        let inode = crate::descriptor::inode(&rustix::fs::fstat(&workspace).unwrap());
        let layout = crate::git::layout(workspace.as_fd(), &AbsPath::new("/home/ann/work").unwrap()).layout;
        let ask = |command: &[&str]| {
            let answer = self.answers.get(command[0]).map(|answer| (*answer).to_owned());
            answer.ok_or_else(|| format!("`{}` does not exist in a sandbox", command[0]))
        };
        let place = Place {
            settings: Settings {
                root: self.root.as_fd(),
                uid: rustix::process::getuid().as_raw(),
                home: &self.home,
                environment: is_direct.then_some(&self.environment),
                workspace: Some(inode),
                grants: &self.grants,
            },
            opened: Some(workspace.as_fd()),
            layout: &layout,
            ask: &ask,
        };
        Ok(place.resolve(&[name])?.remove(&name).unwrap())
    }

    fn resolve(&self, name: EndpointName) -> Endpoint {
        self.try_resolve(name, true).unwrap()
    }

    fn resolved(&self, name: EndpointName) -> Shown {
        match self.resolve(name) {
            Endpoint::Resolved(resolved) => Shown::of(&resolved),
            Endpoint::Unknown { why, hint } => panic!("unknown: {why} ({hint})"),
        }
    }

    fn unknown(&self, name: EndpointName) -> (String, String) {
        match self.resolve(name) {
            Endpoint::Unknown { why, hint } => (why, hint),
            Endpoint::Resolved(resolved) => panic!("resolved: {resolved:?}"),
        }
    }
}

/// A resolved endpoint as texts.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    openings: Vec<String>,
    env: Vec<String>,
    files: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Shown {
    fn of(resolved: &Resolved) -> Self {
        Self {
            openings: resolved.openings.iter().map(ToString::to_string).collect(),
            env: resolved.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            files: resolved.files.iter().map(|(path, text)| (path.to_string(), text.clone())).collect(),
            notes: resolved.notes.clone(),
        }
    }
}

fn shown(openings: &[&str], env: &[&str]) -> Shown {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Shown { openings: owned(openings), env: owned(env), files: vec![], notes: vec![] }
}

use EndpointName::{CargoRegistry, GitRemote, GoProxy, NpmRegistry, PipIndex};

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
fn what_only_the_workspace_names_is_not_granted() {
    let machine = Machine::new().answers("npm", "https://npm.example.test/");
    let text = format!("registry=https://{TOKEN}@work.example.test/\n@x:registry=https://npm.example.test/x\n");
    machine.write("~/work/.npmrc", &text);
    let resolved = machine.resolved(NpmRegistry);
    assert_eq!(resolved.openings, ["npm.example.test:443/tls"]);
    let note = "the workspace's .npmrc names `work.example.test:443/tls`: allow it with `--allow-net work.example.test:443/tls`";
    assert_eq!(resolved.notes, [note]);
}

#[test]
fn a_file_in_the_workspace_is_not_the_persons_word() {
    let machine = Machine::new();
    machine.write("~/work/npmrc", "registry=https://npm.example.test/\n");
    let machine = machine.set("npm_config_userconfig", "/home/ann/work/npmrc");
    assert!(machine.unknown(NpmRegistry).0.contains("lies in the workspace"));
    let machine = Machine::new();
    machine.write("~/work/npmrc", "registry=https://npm.example.test/\n");
    symlink("work/npmrc", machine.at("home/ann/.npmrc")).unwrap();
    assert!(machine.unknown(NpmRegistry).0.contains("lies in the workspace"), "nor behind a link");
}

#[test]
fn a_file_that_others_may_write_is_not_believed() {
    for (name, path) in [
        (NpmRegistry, "home/ann/.npmrc"),
        (PipIndex, "home/ann/.config/pip/pip.conf"),
        (CargoRegistry, "home/ann/.cargo/config.toml"),
        (GoProxy, "home/ann/.config/go/env"),
    ] {
        let machine = Machine::new();
        machine.write(path, "");
        machine.mode(path, 0o664);
        let (why, hint) = machine.unknown(name);
        assert!(why.contains("can be written by others"), "{why}");
        assert_eq!(hint, format!("chmod go-w /{path}"));
        let above = Path::new(path).parent().unwrap().to_str().unwrap();
        machine.mode(path, 0o644);
        machine.mode(above, 0o777);
        assert_eq!(machine.unknown(name).1, format!("chmod go-w /{above}"));
    }
    let machine = Machine::new();
    machine.write("~/.config/opaque/endpoints.toml", "version = 1\n");
    machine.mode("home/ann/.config/opaque/endpoints.toml", 0o666);
    let error = machine.try_resolve(PipIndex, true).unwrap_err();
    assert!(error.hint().unwrap().starts_with("chmod go-w"), "{error}");
}

#[test]
fn a_repository_is_never_refused_for_its_remotes() {
    let machine = Machine::new();
    machine.write("~/work/.git/config", "[remote \"o\"]\nurl = no url at all\n[remote \"p\"]\nurl = https://\n");
    machine.write("~/.gitconfig", "[url \"x\"]\n");
    machine.mode("home/ann/.gitconfig", 0o666);
    let resolved = machine.resolved(GitRemote);
    assert_eq!(resolved.openings, [""; 0]);
    assert!(resolved.notes[0].contains("can be written by others"), "{:?}", resolved.notes);
}

#[test]
fn a_pipe_a_loop_and_a_directory_end_the_reading_at_once() {
    type Make = fn(&Path);
    let makes: [Make; 3] = [
        |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        |path| symlink(path.file_name().unwrap(), path).unwrap(),
        |path| {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        },
    ];
    for make in makes {
        for (name, path) in
            [(NpmRegistry, ".npmrc"), (PipIndex, ".config/pip/pip.conf"), (CargoRegistry, ".cargo/config")]
        {
            let machine = Machine::new();
            machine.write(&format!("~/{path}.other"), "");
            make(&machine.at("home/ann").join(path));
            let (why, _) = machine.unknown(name);
            assert!(why.contains(path), "{why}");
        }
    }
}

#[test]
fn a_clients_environment_is_not_the_persons_configuration() {
    let machine = Machine::new().set("PIP_INDEX_URL", "https://client.example.test/simple");
    assert_eq!(machine.resolved(PipIndex).openings, ["client.example.test:443/tls"], "control");
    assert!(matches!(machine.try_resolve(PipIndex, false).unwrap(), Endpoint::Unknown { .. }));
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

#[test]
fn no_token_is_ever_repeated_not_even_in_a_complaint() {
    let urls = [
        format!("https://{TOKEN}@"),
        format!("https://a b{TOKEN}@x.test"),
        format!("ftp://{TOKEN}@x.test/"),
        format!("https://x.test:{TOKEN}/"),
        format!("https://u:{TOKEN}@x.example.test/?{TOKEN}#{TOKEN}"),
        format!("http://u:{TOKEN}@localhost:1/"),
        format!("http://u:{TOKEN}@169.254.169.254/"),
        format!("${{{TOKEN}"),
    ];
    for url in urls {
        let machine = Machine::new();
        machine.write("~/.npmrc", &format!("registry={url}\n@a:registry={url}\n//x.test/:_authToken={TOKEN}\n"));
        machine.write("~/work/.npmrc", &format!("registry={url}\n"));
        machine.write("~/.config/pip/pip.conf", &format!("[global]\nindex-url={url}\nextra-index-url={url}\n"));
        machine.write("~/.cargo/config.toml", &format!("[registries.a]\nindex='{url}'\ntoken='{TOKEN}'\n"));
        machine.write("~/.config/go/env", &format!("GOPROXY={url}\nGOSUMDB=sum.test {url}\n"));
        machine.write("~/.gitconfig", &format!("[url \"{url}\"]\ninsteadOf = {url}x\n"));
        machine.write("~/work/.git/config", &format!("[remote \"a\"]\nurl={url}\n[remote \"b\"]\nurl={url}xy\n"));
        for name in EndpointName::ALL {
            let endpoint = format!("{:?}", machine.resolve(name));
            assert!(!endpoint.contains(TOKEN), "{name} of {url}: {endpoint}");
        }
    }
}

#[test]
fn nothing_is_looked_at_when_nothing_is_named() {
    let account = Account { uid: 0, gid: 0, name: "ann".into(), home: AbsPath::new("/home/ann").unwrap() };
    let workspace = Workspace::None { why: String::new() };
    let grants = Profiles::built_in().grants("default").unwrap();
    let known = Known {
        account: &account,
        environment: None,
        workspace: &workspace,
        opened: None,
        grants: &grants,
        asking: Asking { policy: None, journal: None },
    };
    assert_eq!(resolve(std::iter::empty(), known), Ok(BTreeMap::new()));
}
