//! Whose word counts, and what never comes out.

use EndpointName::{CargoRegistry, GitRemote, GoProxy, NpmRegistry, PipIndex};

use super::*;

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
