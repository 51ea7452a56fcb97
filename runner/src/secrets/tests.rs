use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Instant;

use opaque_policy::path::AbsPath;
use tempfile::TempDir;

use super::*;
use crate::invocation::describe;
use crate::outcome::{Class, Refusal};

const VALUE: &str = "c0rrect-horse";
const PATIENCE: Duration = Duration::from_secs(20);

struct Person {
    home: TempDir,
    account: Account,
    environment: Environment,
    workspace: Option<Inode>,
}

impl Person {
    fn new(variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let account = Account {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            name: "ann".to_owned(),
            home: AbsPath::new(home.path().to_str().unwrap()).unwrap(),
        };
        let environment = variables.iter().map(|(name, value)| (Text::from(*name), Text::from(*value))).collect();
        Self { home, account, environment, workspace: None }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn read_from(&self, source: &Source, timeout: Duration) -> Result<Value, SecretFailure> {
        let owner = Owner { account: &self.account, environment: &self.environment, workspace: self.workspace };
        read(&"TOKEN".into(), source, timeout, owner)
    }

    fn read(&self, source: &str) -> Result<Value, SecretFailure> {
        self.read_from(&Source::parse(source).unwrap(), PATIENCE)
    }

    fn value(&self, source: &str) -> Vec<u8> {
        self.read(source).map_err(|failure| describe(&failure)).unwrap().bytes.as_bytes().to_vec()
    }

    /// What is said of a source that gives no value; it names the secret, the source and a fix, and shows no value.
    fn refusal(&self, source: &Source, timeout: Duration) -> String {
        let Err(failure) = self.read_from(source, timeout) else { panic!("`{source}` gives a value") };
        let debug = format!("{failure:?}");
        let refusal = Refusal::from(failure);
        assert_eq!(refusal.class, Class::CannotBuild);
        assert!(
            refusal.message.starts_with(&format!("the secret `TOKEN` cannot be read from `{source}`: ")),
            "{refusal:?}"
        );
        assert!(!refusal.hints.is_empty(), "no fix: {refusal:?}");
        let said = format!("{}\n{}", refusal.message, refusal.hints.join("\n"));
        assert!(!said.contains(VALUE) && !debug.contains(VALUE), "{debug}");
        said
    }

    fn refused(&self, source: &str) -> String {
        self.refusal(&Source::parse(source).unwrap(), PATIENCE)
    }
}

fn shell(script: &str) -> Source {
    Source::Command(["/bin/sh", "-c", script].map(Text::from).to_vec())
}

#[test]
fn a_value_comes_from_where_it_is_kept() {
    let person = Person::new(&[("TOKEN", VALUE), ("WITH_END", "c0rrect-horse\n")]);
    person.write("token", format!("{VALUE}\n"));
    symlink("token", person.at("link")).unwrap();
    let with_end = format!("{VALUE}\n");
    let absolute = format!("file:{}", person.at("token").display());
    assert_eq!(person.value("env:TOKEN"), VALUE.as_bytes());
    for source in ["env:WITH_END", "file:~/token", "file:~/link", &absolute] {
        assert_eq!(person.value(source), with_end.as_bytes(), "{source}");
    }
    for (script, printed) in [("echo c0rrect-horse", with_end.as_str()), ("printf c0rrect-horse", VALUE)] {
        assert_eq!(person.read_from(&shell(script), PATIENCE).ok().unwrap().bytes.as_bytes(), printed.as_bytes());
    }
}

#[test]
fn what_is_no_value_is_refused_with_the_name_and_the_fix() {
    let person = Person::new(&[("EMPTY", ""), ("BLANK", "\n"), ("LONG", &"x".repeat((64 << 10) + 1))]);
    person.write("empty", "");
    person.write("nul", "c0rrect-horse\0");
    person.write("long", format!("{VALUE}{}", "x".repeat(64 << 10)));
    person.write("secret", VALUE);
    fs::create_dir(person.at("directory")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, person.at("pipe"), 0o600.into()).unwrap();
    let _socket = UnixListener::bind(person.at("socket")).unwrap();
    symlink("pipe", person.at("to-pipe")).unwrap();
    symlink("nowhere", person.at("broken")).unwrap();
    symlink("circle", person.at("circle")).unwrap();
    for (source, reason) in [
        ("env:UNSET", "the variable `UNSET` is not set"),
        ("env:EMPTY", "the value is empty"),
        ("env:BLANK", "the value is empty"),
        ("env:LONG", "the value is longer than 64 KiB"),
        ("file:~/nothing", "there is no `"),
        ("file:~/broken", "there is no `"),
        ("file:~/circle", "cannot read `"),
        ("file:~/secret/below", "there is no `"),
        ("file:~/empty", "the value is empty"),
        ("file:~/nul", "the value holds a NUL byte"),
        ("file:~/long", "the value is longer than 64 KiB"),
        ("file:~/directory", "is a directory, not a regular file"),
        ("file:~/pipe", "is a pipe, not a regular file"),
        ("file:~/to-pipe", "is a pipe, not a regular file"),
        ("file:~/socket", "is a socket, not a regular file"),
        ("file:/dev/zero", "is a device, not a regular file"),
        ("file:/dev/tty", "is a device, not a regular file"),
        ("cmd:/no/such/program", "there is no `/no/such/program`"),
        ("cmd:/etc/passwd", "`/etc/passwd` is not executable"),
        ("cmd:/usr/bin", "`/usr/bin` is a directory, not a regular file"),
    ] {
        let began = Instant::now();
        let said = person.refused(source);
        assert!(said.contains(reason), "{source}: {said}");
        assert!(began.elapsed() < Duration::from_secs(5), "{source}");
    }
}

#[test]
fn a_file_of_somebody_elses_is_refused_and_an_open_one_is_noted() {
    let person = Person::new(&[]);
    let path = person.write("token", VALUE);
    assert!(person.read("file:~/token").ok().unwrap().notes.is_empty());
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let notes = person.read("file:~/token").ok().unwrap().notes;
        assert!(notes.iter().any(|note| note.contains(&format!("chmod 600 {}", path.display()))), "{notes:?}");
    }
    if person.account.uid == 0 {
        chown(&path, Some(12_345), None).unwrap();
        assert!(person.refused("file:~/token").contains("belongs to uid 12345"));
    } else {
        // Root's file is as good as one of one's own.
        assert!(!person.value("file:/etc/passwd").is_empty());
    }
}

#[test]
fn nothing_that_leads_through_the_workspace_says_what_a_secret_is() {
    let mut person = Person::new(&[]);
    let workspace = person.at("project");
    fs::create_dir(&workspace).unwrap();
    person.write("token", VALUE);
    person.write("project/token", VALUE);
    symlink("../token", workspace.join("link")).unwrap();
    symlink("project/link", person.at("through")).unwrap();
    symlink("/bin/sh", workspace.join("tool")).unwrap();
    let sources = ["file:~/project/token", "file:~/project/link", "file:~/through", "file:~/project/../project/token"];
    let sources = sources.iter().filter_map(|source| Source::parse(source).ok());
    let sources: Vec<_> = sources.collect();
    assert!(sources.len() >= 3);
    for source in &sources {
        assert!(person.read_from(source, PATIENCE).is_ok(), "control: {source}");
    }
    let stat = fs::metadata(&workspace).unwrap();
    person.workspace = Some(Inode { device: stat.dev(), number: stat.ino() });
    for source in &sources {
        let said = person.refusal(source, PATIENCE);
        assert!(said.contains("lies in the workspace") && said.contains("keep it outside"), "{said}");
    }
    assert_eq!(person.value("file:~/token"), VALUE.as_bytes());
}

#[test]
fn a_program_is_run_apart_in_an_environment_of_its_own() {
    let person = Person::new(&[("AWS_SECRET_ACCESS_KEY", "x"), ("PATH", "/tmp/evil"), ("HOME", "/tmp/evil")]);
    let script = "pwd; readlink /proc/self/fd/0; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort";
    let value = person.read_from(&shell(script), PATIENCE).ok().unwrap();
    let wanted = format!(
        "/\n/dev/null\nHOME={}\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nUSER=ann\n",
        person.account.home
    );
    assert_eq!(String::from_utf8_lossy(value.bytes.as_bytes()), wanted);
}

#[test]
fn a_program_that_fails_says_why_and_shows_no_value() {
    let person = Person::new(&[]);
    person.write("token", VALUE);
    for (script, reason) in [
        ("echo gone >&2; echo away >&2; exit 7", "`/bin/sh` ended with exit code 7: away"),
        ("printf 'red\\033[31m\\n' >&2; exit 1", "exit code 1: red\\u{1b}[31m"),
        ("exit 3", "`/bin/sh` ended with exit code 3"),
        ("kill -9 $$", "`/bin/sh` was ended by signal 9"),
        ("cat ~/token; echo it was $(cat ~/token) >&2; exit 1", "its message holds a secret"),
        ("echo a; cat ~/token; cat ~/token >&2; exit 1", "its message holds a secret"),
        ("true", "the value is empty"),
        ("echo", "the value is empty"),
        ("printf 'a\\0b'", "the value holds a NUL byte"),
        ("head -c 10485760 /dev/zero", "printed more than 64 KiB"),
        ("yes $(cat ~/token)", "printed more than 64 KiB"),
        ("head -c 65537 /dev/zero | tr '\\0' x", "longer than 64 KiB"),
    ] {
        let said = person.refusal(&shell(script), PATIENCE);
        assert!(said.contains(reason), "{script}: {said}");
    }
    let longest = person.read_from(&shell("head -c 65536 /dev/zero | tr '\\0' x; echo"), PATIENCE).ok().unwrap();
    assert_eq!(longest.bytes.len(), 65_537, "a line end behind it does not count");
    let loud = "head -c 1000000 /dev/zero | tr '\\0' x >&2; cat ~/token";
    assert_eq!(person.read_from(&shell(loud), PATIENCE).ok().unwrap().bytes.as_bytes(), VALUE.as_bytes());
}

#[test]
fn a_program_that_takes_too_long_is_killed_with_its_group() {
    let person = Person::new(&[]);
    let mark = person.at("pid");
    let began = Instant::now();
    let script = format!("echo waiting for you >&2; sleep 600 & echo $! > {}; wait", mark.display());
    let said = person.refusal(&shell(&script), Duration::from_millis(500));
    assert!(said.contains("gave no value within 500ms: waiting for you") && said.contains("timeout"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(5));
    ends(&mark);
}

#[test]
fn a_program_that_never_stops_complaining_is_late_all_the_same() {
    let person = Person::new(&[]);
    let began = Instant::now();
    let said = person.refusal(&shell("yes it is late >&2"), Duration::from_millis(300));
    assert!(said.contains("gave no value within 300ms: it is late"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_a_program_leaves_behind_is_killed_and_not_waited_for() {
    let person = Person::new(&[]);
    let mark = person.at("pid");
    let began = Instant::now();
    let script = format!("sleep 600 & echo $! > {}; echo c0rrect-horse", mark.display());
    let value = person.read_from(&shell(&script), PATIENCE).ok().unwrap();
    assert_eq!(bare(value.bytes.as_bytes()), VALUE.as_bytes());
    assert!(began.elapsed() < Duration::from_secs(5), "the pipe was still open");
    ends(&mark);
}

/// Waits until the process whose number a file holds is gone.
fn ends(file: &std::path::Path) {
    let pid = fs::read_to_string(file).unwrap().trim().to_owned();
    let is_alive = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !matches!(rest.trim().chars().next(), None | Some('Z' | 'X')))
    };
    let began = Instant::now();
    while is_alive() {
        assert!(began.elapsed() < Duration::from_secs(5), "{pid} is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_program_that_others_can_change_is_not_run() {
    let person = Person::new(&[]);
    let path = person.write("tool", "#!/bin/sh\necho c0rrect-horse\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let said = person.refused(&format!("cmd:{}", path.display()));
    assert!(said.contains("is not run: ") && said.contains("can be written by others"), "{said}");
}

#[test]
fn nobody_is_left_to_be_waited_for() {
    let person = Person::new(&[]);
    for (script, timeout) in [("echo a", PATIENCE), ("exit 1", PATIENCE), ("sleep 60", Duration::from_millis(50))] {
        let script = format!("echo $$ > {}; {script}", person.at("pid").display());
        let _ = person.read_from(&shell(&script), timeout);
        let pid = fs::read_to_string(person.at("pid")).unwrap();
        // A zombie would still be listed.
        assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "{script}");
    }
}
