//! Real tools that keep secrets: age, the password store, and the desktop's keyring on a bus of a test's own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use opaque_tests::{Launch, Running, Sandbox, Terminal, VALUE, each_identity, eventually, has};

#[test]
fn an_age_file_is_opened_by_its_identity() {
    if !has(&["age", "age-keygen"]) {
        return;
    }
    each_identity(|sandbox| {
        sandbox.needs_belief();
        let home = sandbox.home();
        sandbox.directory(&home.join(".config/age"));
        let made = sandbox.outside(["age-keygen", "-o", home.join(".config/age/keys.txt").to_str().unwrap()]);
        let recipient = made.expect(0).errors().trim().rsplit(' ').next().unwrap().to_owned();
        let encrypt = |recipient: &str, name: &str| {
            let file = home.join(name).display().to_string();
            sandbox.launch_outside(["age", "-r", recipient, "-o", &file]).stdin(VALUE).finish().expect(0);
        };
        encrypt(&recipient, "token.age");
        sandbox.declare(&[("TOKEN", "from = \"age:~/token.age\"")]);
        // The caller's own `age` is not asked.
        sandbox.script(home.join("bin/age"), "#!/bin/sh\nexit 1\n");
        let path = format!("{}:/usr/bin:/bin", home.join("bin").display());
        let said = sandbox.opaque(&["secrets", "check"]).env("PATH", path).says(0);
        assert!(said.contains("TOKEN  ok  (age:~/token.age, profile `mine`)"), "{said}");
        sandbox.receives(|launch| launch);

        let other = sandbox.outside(["age-keygen"]).text();
        let other = other.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        encrypt(other, "other.age");
        sandbox.write(home.join("broken.age"), "no age file");
        for (name, reason) in
            [("other", "no identity matched"), ("broken", "exit code 1: age: error"), ("none", "there is no `")]
        {
            sandbox.declare(&[("TOKEN", &format!("from = \"age:~/{name}.age\""))]);
            let said = sandbox.opaque(&["secrets", "check"]).says(1);
            assert!(said.contains(reason) && said.contains("hint: ") && !said.contains("age: report"), "{said}");
        }
    });
}

#[test]
fn an_age_identity_behind_a_passphrase_is_refused_without_waiting() {
    if !has(&["age", "age-keygen"]) {
        return;
    }
    each_identity(|sandbox| {
        sandbox.needs_belief();
        let keys = sandbox.home().join("keys.txt").display().to_string();
        let token = sandbox.home().join("token.age").display().to_string();
        let identity = sandbox.outside(["age-keygen"]).text();
        let recipient = identity.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        sandbox.launch_outside(["age", "-r", recipient, "-o", &token]).stdin(VALUE).finish().expect(0);
        sandbox.write("identity", &identity);
        let mut terminal = Terminal::new(sandbox.identity());
        let protect =
            sandbox.launch_outside(["age", "--passphrase", "--armor", "-o", &keys, "identity"]).on(&terminal).start();
        terminal.wait_for("Enter passphrase");
        // It makes one up.
        terminal.press("\n");
        protect.wait().expect(0);
        let terminal = Terminal::new(sandbox.identity());
        let asks = sandbox.launch_outside(["age", "--decrypt", "--identity", &keys, &token]).on(&terminal).start();
        terminal.wait_for("Enter passphrase");
        drop(asks);
        sandbox.declare(&[("TOKEN", "from = \"age:~/token.age\"\nidentity = \"~/keys.txt\"")]);
        let terminal = Terminal::new(sandbox.identity());
        let ended = sandbox.opaque(&["secrets", "check"]).on(&terminal).patience(Duration::from_secs(10)).finish();
        ended.expect(1);
        terminal.wait_for("hint: use an identity without a passphrase");
        assert!(!terminal.screen().contains("Enter passphrase"), "{}", terminal.screen());
    });
}

#[test]
fn the_first_line_of_a_password_store_entry_is_the_value() {
    if !has(&["pass", "gpg"]) {
        return;
    }
    each_identity(|sandbox| {
        sandbox.needs_belief();
        let _agent = Agent(sandbox);
        fs::create_dir(sandbox.home().join(".gnupg")).unwrap();
        fs::set_permissions(sandbox.home().join(".gnupg"), fs::Permissions::from_mode(0o700)).unwrap();
        let uid = sandbox.identity().uid();
        chown(sandbox.home().join(".gnupg"), Some(uid), Some(sandbox.identity().gid())).unwrap();
        let key = [
            "gpg",
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--quick-generate-key",
            "ann@mail.test",
            "rsa2048",
            "default",
            "1d",
        ];
        sandbox.launch_outside(key).patience(Duration::from_secs(60)).finish().expect(0);
        let sub = sandbox.outside(["gpg", "--batch", "--with-colons", "--list-keys", "ann@mail.test"]).text();
        let print = sub.lines().find(|line| line.starts_with("fpr")).unwrap().split(':').nth(9).unwrap().to_owned();
        let add = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-add-key", &print, "rsa2048", "encr", "1d"];
        sandbox.launch_outside(add).patience(Duration::from_secs(60)).finish().expect(0);
        sandbox.outside(["pass", "init", "ann@mail.test"]).expect(0);
        let entry = format!("{VALUE}\nuser: ann\n");
        sandbox.launch_outside(["pass", "insert", "--multiline", "work/npm"]).stdin(entry).finish().expect(0);
        sandbox.declare(&[("TOKEN", "from = \"pass:work/npm\"")]);
        let said = sandbox.opaque(&["secrets", "check"]).says(0);
        assert!(said.contains("TOKEN  ok  (pass:work/npm, profile `mine`)"), "{said}");
        sandbox.receives(|launch| launch);
        for (entry, reason) in [("work/nothing", "there is no `"), ("work", "there is no `")] {
            sandbox.declare(&[("TOKEN", &format!("from = \"pass:{entry}\""))]);
            let said = sandbox.opaque(&["secrets", "check"]).says(1);
            assert!(said.contains(reason) && said.contains(&format!("{entry}.gpg")), "{said}");
        }
        sandbox.write(sandbox.home().join(".password-store/broken.gpg"), "not encrypted");
        sandbox.declare(&[("TOKEN", "from = \"pass:broken\"")]);
        let said = sandbox.opaque(&["secrets", "check"]).says(1);
        assert!(said.contains("`/usr/bin/pass` ended with exit code") && said.contains("gpg: "), "{said}");
        assert!(said.contains("hint: try it by itself: pass show broken"), "{said}");
    });
}

/// The agent that gpg starts in a sandbox's home: it goes with the test.
struct Agent<'a>(&'a Sandbox);

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        let _ = self.0.launch_outside(["gpgconf", "--kill", "all"]).finish();
    }
}

/// A session bus and a keyring of one test's.
struct Keyring<'a> {
    sandbox: &'a Sandbox,
    _bus: Running,
    daemon: Option<Running>,
}

impl<'a> Keyring<'a> {
    /// A bus without a keyring. `rule` is what its policy allows beside sending and owning names.
    fn bus(sandbox: &'a Sandbox, rule: &str) -> Self {
        let directory = sandbox.home().join("run");
        sandbox.directory(&directory);
        let configuration = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\
             <busconfig><type>session</type><listen>unix:path={}/bus</listen><policy context=\"default\">\
             <allow send_destination=\"*\"/><allow own=\"*\"/>{rule}</policy></busconfig>",
            directory.display()
        );
        let file = sandbox.write(sandbox.home().join("bus.conf"), configuration);
        let line = ["dbus-daemon", "--nofork", "--print-address", "--config-file", file.to_str().unwrap()];
        let mut bus = sandbox.launch_outside(line).patience(Duration::from_secs(60)).start();
        bus.wait_for("unix:");
        Self { sandbox, _bus: bus, daemon: None }
    }

    fn on_it(&self, launch: Launch) -> Launch {
        let directory = self.sandbox.home().join("run");
        let address = format!("unix:path={}/bus", directory.display());
        launch.env("XDG_RUNTIME_DIR", directory).env("DBUS_SESSION_BUS_ADDRESS", address)
    }

    fn ask(&self, words: &[&str]) -> Launch {
        self.on_it(self.sandbox.launch_outside(words))
    }

    /// Starts the daemon; a password on its standard input opens the keyring.
    fn start(&mut self, password: Option<&str>) {
        // The one before lets go of its name first.
        self.daemon = None;
        let unlock = password.map(|_| "--unlock");
        let line = ["gnome-keyring-daemon", "--foreground", "--components=secrets"].into_iter().chain(unlock);
        let launch = self.on_it(self.sandbox.launch_outside(line)).patience(Duration::from_secs(60));
        self.daemon = Some(launch.stdin(password.unwrap_or_default()).start());
        let is_there = || {
            let listed = self.ask(&[
                "dbus-send",
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.DBus",
                "/",
                "org.freedesktop.DBus.ListNames",
            ]);
            listed.finish().text().contains("org.freedesktop.secrets")
        };
        assert!(eventually(Duration::from_secs(20), is_there), "the keyring does not start");
    }
}

#[test]
fn a_value_of_the_keyring_is_read_while_that_is_open_and_refused_while_it_is_locked() {
    if !has(&["dbus-daemon", "dbus-send", "gnome-keyring-daemon", "secret-tool"]) {
        return;
    }
    each_identity(|sandbox| {
        sandbox.needs_belief();
        sandbox.declare(&[("TOKEN", "from = \"keyring:npm/publish\"\ntimeout = \"10s\"")]);
        let mut keyring = Keyring::bus(sandbox, "<allow receive_sender=\"*\"/>");
        let checking = |keyring: &Keyring<'_>| keyring.on_it(sandbox.opaque(&["secrets", "check"]));
        let said = checking(&keyring).says(1);
        assert!(said.contains("org.freedesktop.secrets"), "no keyring: {said}");
        keyring.start(Some("a password"));
        let said = checking(&keyring).says(1);
        let fix = "hint: store it: secret-tool store --label=TOKEN service npm username publish";
        assert!(said.contains("there is no such entry, or the keyring is locked") && said.contains(fix), "{said}");
        let store = ["secret-tool", "store", "--label=TOKEN", "service", "npm", "username", "publish"];
        keyring.ask(&store).stdin(VALUE).finish().expect(0);
        let said = checking(&keyring).says(0);
        assert!(said.contains("TOKEN  ok  (keyring:npm/publish, profile `mine`)"), "{said}");
        sandbox.receives(|launch| keyring.on_it(launch));
        keyring.start(None);
        let ended = checking(&keyring).finish();
        ended.expect(1);
        ended.without_value();
        assert!(
            ended.text().contains("the keyring is locked") && ended.text().contains("hint: a locked keyring"),
            "{ended}"
        );
        assert!(ended.elapsed < Duration::from_secs(10), "{ended}");
        keyring.start(Some("a password"));
        let _ = checking(&keyring).says(0);
    });
}

#[test]
fn a_keyring_that_never_answers_is_not_waited_for_longer_than_told() {
    if !has(&["dbus-daemon", "secret-tool"]) {
        return;
    }
    each_identity(|sandbox| {
        sandbox.needs_belief();
        sandbox.declare(&[("TOKEN", "from = \"keyring:npm/publish\"\ntimeout = \"1s\"")]);
        // On this bus nobody may receive anything, so no question is ever answered.
        let keyring = Keyring::bus(sandbox, "");
        let ended = keyring.on_it(sandbox.opaque(&["secrets", "check"])).finish();
        ended.expect(1);
        assert!(ended.text().contains("`/usr/bin/secret-tool` gave no value within 1s"), "{ended}");
        assert!(ended.elapsed < Duration::from_secs(8), "{ended}");
        // Without any bus at all it is told at once.
        let said = sandbox.opaque(&["secrets", "check"]).says(1);
        assert!(said.contains("secret-tool: ") && said.contains("hint: "), "{said}");
    });
}
