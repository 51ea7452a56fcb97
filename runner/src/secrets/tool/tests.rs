use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use opaque_policy::facts::Account;
use tempfile::TempDir;

use super::*;
use crate::invocation::Environment;
use crate::secrets::SecretFailure;

const PATIENCE: Duration = Duration::from_secs(20);

/// A person with a home, and a program that stands in for a tool.
struct Person {
    directory: TempDir,
    account: Account,
    environment: Environment,
}

impl Person {
    fn new(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let account = Account {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            name: "ann".to_owned(),
            home: AbsPath::new(directory.path().to_str().unwrap()).unwrap(),
        };
        let environment = variables.iter().map(|(name, value)| (Text::from(*name), Text::from(*value))).collect();
        Self { directory, account, environment }
    }

    fn owner(&self) -> Owner<'_> {
        Owner { account: &self.account, environment: &self.environment, workspace: None }
    }

    fn write(&self, name: &str, content: &str) -> AbsPath {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        AbsPath::new(path.to_str().unwrap()).unwrap()
    }

    fn usage(&self, platform: Platform, source: &str) -> Use {
        Use::of(platform, &"TOKEN".into(), &Source::parse(source).unwrap(), self.owner()).unwrap()
    }

    /// Asks a shell script in place of the tool. It is read by a shell, so it needs to be executable by nobody.
    fn ask(&self, source: &str, script: &str) -> Result<(Vec<u8>, Vec<String>), SecretFailure> {
        let script = self.write("tool.sh", script);
        let parsed = Source::parse(source).unwrap();
        let mut used = self.usage(Platform::Linux, source);
        used.arguments.insert(0, Text::new(script.as_bytes()).unwrap());
        let value = used.read(AbsPath::new("/bin/sh").map_err(|_| Why::Empty), PATIENCE, self.owner());
        value
            .map(|value| (value.bytes.as_bytes().to_vec(), value.notes))
            .map_err(|failed| failed.of(&"TOKEN".into(), &parsed))
    }
}

fn line(used: &Use) -> String {
    command_line(&[words(&[used.tool.name]), used.arguments.clone()].concat())
}

#[test]
fn each_tool_is_run_as_its_documentation_says() {
    let person = Person::new(&[]);
    let home = &person.account.home;
    for (platform, source, wanted) in [
        (Platform::Linux, "keyring:npm/publish", "secret-tool lookup service npm username publish".to_owned()),
        (
            Platform::Linux,
            "keyring:https://npm.example/team x/ann",
            "secret-tool lookup service 'https://npm.example/team x' username ann".to_owned(),
        ),
        (Platform::MacOs, "keyring:npm/publish", "security find-generic-password -s npm -a publish -w".to_owned()),
        (
            Platform::Linux,
            "age:~/npm.age",
            format!("age --decrypt --identity {home}/.config/age/keys.txt {home}/npm.age"),
        ),
        (Platform::Linux, "op://private/npm/token", "op read --no-newline op://private/npm/token".to_owned()),
        (Platform::Linux, "vault:secret/npm#token", "vault kv get -field=token secret/npm".to_owned()),
        (Platform::Linux, "pass:work/npm", "pass show work/npm".to_owned()),
    ] {
        assert_eq!(line(&person.usage(platform, source)), wanted);
    }
    for source in ["op://private/npm/token", "vault:secret/npm#token", "pass:work/npm"] {
        let [linux, other] = [Platform::Linux, Platform::MacOs].map(|platform| line(&person.usage(platform, source)));
        assert_eq!(linux, other);
    }
}

#[test]
fn a_tool_sees_its_own_variables_and_no_others() {
    let person = Person::new(&[
        ("PATH", "/tmp/evil"),
        ("LD_PRELOAD", "/tmp/evil.so"),
        ("BASH_ENV", "/tmp/evil"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("VAULT_ADDR", "https://vault.test"),
        ("VAULT_TOKEN", "hvs.token"),
        ("VAULT_SKIP_VERIFY", "1"),
        ("OP_SESSION_team", "session"),
        ("OP_DEBUG", "true"),
        ("HOME", "/tmp/evil"),
    ]);
    let seen = |source: &str| {
        let (value, _) = person.ask(source, "for word; do printf '%s ' \"$word\"; done; echo; env").unwrap();
        let value = String::from_utf8(value).unwrap();
        let mut lines: Vec<String> = value.lines().map(str::to_owned).collect();
        let arguments = lines.remove(0);
        // What a shell adds by itself.
        lines.retain(|line| !["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own)));
        lines.sort();
        (arguments, lines)
    };
    let home = format!("HOME={}", person.account.home);
    let base = ["LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin", "USER=ann"];
    let with = |own: &[&str]| {
        let mut all: Vec<String> =
            base.iter().chain(own).map(|line| (*line).to_owned()).chain([home.clone()]).collect();
        all.sort();
        all
    };
    let (arguments, variables) = seen("vault:secret/npm#token");
    assert_eq!(arguments.trim(), "kv get -field=token secret/npm");
    assert_eq!(variables, with(&["VAULT_ADDR=https://vault.test", "VAULT_TOKEN=hvs.token"]));
    let (arguments, variables) = seen("op://private/npm/token");
    assert_eq!(arguments.trim(), "read --no-newline op://private/npm/token");
    assert_eq!(variables, with(&["OP_SESSION_team=session"]));
}

#[test]
fn what_a_tool_complains_is_shown_without_credentials() {
    let person = Person::new(&[("VAULT_TOKEN", "hvs.token"), ("OP_SERVICE_ACCOUNT_TOKEN", "ops_token")]);
    for (source, script, reason) in [
        (
            "vault:secret/npm#token",
            "printf 'Code: 403. Errors:\\n\\n* permission \\033[31mdenied\\n' >&2; exit 2",
            "ended with exit code 2: * permission \\u{1b}[31mdenied",
        ),
        ("vault:secret/npm#token", "exit 2", "ended with exit code 2: the server refused"),
        (
            "vault:secret/npm#token",
            "echo bad token: $VAULT_TOKEN >&2; exit 2",
            "exit code 2: its message holds a secret",
        ),
        ("op://a/b/c", "echo \"bad $OP_SERVICE_ACCOUNT_TOKEN\" >&2; exit 1", "exit code 1: its message holds a secret"),
        ("op://a/b/c", "echo v4lu3; echo half of v4lu3 >&2; exit 1", "exit code 1: its message holds a secret"),
        ("op://a/b/c", "echo v4lu3; kill -9 $$", "was ended by signal 9"),
        ("keyring:npm/publish", "exit 1", "exit code 1: there is no such entry, or the keyring is locked"),
    ] {
        let failure = person.ask(source, script).unwrap_err();
        let told = crate::invocation::describe(&failure);
        assert!(told.contains("the secret `TOKEN`") && told.contains(source) && told.contains(reason), "{told}");
        let everything = format!("{failure:?}{told}");
        assert!(!["hvs.token", "ops_token", "v4lu3"].iter().any(|value| everything.contains(value)), "{everything}");
        assert!(!failure.hints.is_empty(), "{failure:?}");
    }
    let hints = person.ask("keyring:npm/publish", "exit 1").unwrap_err().hints;
    assert!(
        hints.contains(&"store it: secret-tool store --label=TOKEN service npm username publish".to_owned()),
        "{hints:?}"
    );
}

#[test]
fn a_tool_that_is_missing_is_named_with_the_way_to_get_it() {
    let person = Person::new(&[]);
    for source in ["keyring:a/b", "op://a/b/c", "vault:a#b"] {
        let used = person.usage(Platform::Linux, source);
        let failed = used.read(Err(Why::NoTool { tool: used.tool.name }), PATIENCE, person.owner()).err().unwrap();
        assert!(failed.why.to_string().contains(used.tool.name) && failed.hints == [used.tool.install], "{failed:?}");
    }
}

#[test]
fn only_the_first_line_of_a_password_store_entry_is_the_value() {
    let person = Person::new(&[]);
    person.write(".password-store/work/npm.gpg", "encrypted");
    let (value, _) = person.ask("pass:work/npm", "printf 'first\\nuser: ann\\n'").unwrap();
    assert_eq!(value, b"first");
}

#[test]
fn a_directory_of_the_password_store_is_no_entry() {
    let person = Person::new(&[]);
    person.write(".password-store/work/npm.gpg", "encrypted");
    let failure = person.ask("pass:work", "printf 'work\\n|-- npm\\n'").unwrap_err();
    assert!(
        matches!(failure.why.as_ref(), Why::Missing { path } if path.ends_with(".password-store/work.gpg")),
        "{failure:?}"
    );
    let elsewhere =
        Person::new(&[("PASSWORD_STORE_DIR", person.directory.path().join(".password-store").to_str().unwrap())]);
    assert!(elsewhere.ask("pass:work/npm", "echo value").is_ok());
}

#[test]
fn what_a_tool_reads_is_a_file_of_the_persons() {
    let person = Person::new(&[]);
    let identity = person.write(".config/age/keys.txt", "identity");
    let file = person.write("npm.age", "encrypted");
    let (value, notes) = person.ask("age:~/npm.age", "echo value").unwrap();
    assert_eq!((value.as_slice(), notes.len()), (&b"value\n"[..], 0));
    fs::set_permissions(identity.as_path(), fs::Permissions::from_mode(0o644)).unwrap();
    let (_, notes) = person.ask("age:~/npm.age", "echo value").unwrap();
    assert!(notes.iter().any(|note| note.contains(&format!("chmod 600 {identity}"))), "{notes:?}");
    fs::remove_file(file.as_path()).unwrap();
    assert!(matches!(*person.ask("age:~/npm.age", "echo value").unwrap_err().why, Why::Missing { .. }));
    symlink("/dev/zero", file.as_path()).unwrap();
    assert!(matches!(*person.ask("age:~/npm.age", "echo value").unwrap_err().why, Why::NotAFile { .. }));
}
