//! The tools that keep secrets: one entry each, with the command line that its documentation gives, the variables that it
//! sees, and what its complaints mean. Knows no other use of them.

use std::time::Duration;

use opaque_policy::grants::Place;
use opaque_policy::path::AbsPath;
use opaque_policy::secret::Source;
use opaque_policy::text::Text;

use super::ask::Question;
use super::failure::{Failed, Why, command_line};
use super::value::{self, Part};
use super::{Owner, Value, file, find};

/// What is the same whichever secret a tool is asked for.
struct Tool {
    /// The program's name.
    name: &'static str,
    /// How to get it.
    install: &'static str,
    /// Variables of the caller's that it sees, beside `PATH`, `HOME`, `USER` and `LANG`.
    passes: &'static [&'static str],
    /// Variables that it sees as well and that hold credentials, so that no complaint of its shows them. One that ends in
    /// `_` stands for all that begin so.
    conceals: &'static [&'static str],
    /// Exit codes that say more than that it failed.
    codes: &'static [(i32, &'static str)],
    /// Beginnings of lines that it complains and that say nothing.
    noise: &'static [&'static str],
}

/// secret-tool(1) of libsecret. It prints nothing where there is no such entry.
const SECRET_TOOL: Tool = Tool {
    name: "secret-tool",
    install: "install it: apt install libsecret-tools, or dnf install libsecret",
    passes: &["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"],
    conceals: &[],
    codes: &[(1, "there is no such entry, or the keyring is locked")],
    noise: &[],
};

/// security(1) of macOS. Its exit codes are the low bytes of `OSStatus`.
const SECURITY: Tool = Tool {
    name: "security",
    install: "it is part of macOS",
    passes: &[],
    conceals: &[],
    codes: &[(36, "the keychain is locked"), (44, "there is no such entry"), (51, "the keychain refused")],
    noise: &[],
};

/// age(1). It asks for passphrases at a terminal, and here it has none.
const AGE: Tool = Tool {
    name: "age",
    install: "install it: apt install age, or see age-encryption.org",
    passes: &[],
    conceals: &[],
    codes: &[],
    noise: &["age: hint:", "age: report unexpected"],
};

/// 1Password's command-line tool: <https://developer.1password.com/docs/cli/environment-variables>.
const ONE_PASSWORD: Tool = Tool {
    name: "op",
    install: "install 1Password CLI from its packages: developer.1password.com/docs/cli/get-started",
    passes: &[
        "OP_ACCOUNT",
        "OP_BIOMETRIC_UNLOCK_ENABLED",
        "OP_CACHE",
        "OP_CONFIG_DIR",
        "OP_CONNECT_HOST",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
    ],
    conceals: &["OP_CONNECT_TOKEN", "OP_SERVICE_ACCOUNT_TOKEN", "OP_SESSION", "OP_SESSION_"],
    codes: &[],
    noise: &[],
};

/// Vault's: <https://developer.hashicorp.com/vault/docs/commands>.
const VAULT: Tool = Tool {
    name: "vault",
    install: "install it from HashiCorp's packages: developer.hashicorp.com/vault/install",
    passes: &[
        "VAULT_ADDR",
        "VAULT_AGENT_ADDR",
        "VAULT_CACERT",
        "VAULT_CAPATH",
        "VAULT_CLIENT_CERT",
        "VAULT_CLIENT_KEY",
        "VAULT_NAMESPACE",
        "VAULT_TLS_SERVER_NAME",
    ],
    conceals: &["VAULT_TOKEN"],
    codes: &[(1, "it was used wrongly, or is not configured"), (2, "the server refused")],
    noise: &[],
};

/// pass(1). What gpg-agent needs to ask for a passphrase goes along.
const PASS: Tool = Tool {
    name: "pass",
    install: "install it: apt install pass",
    passes: &[
        "PASSWORD_STORE_DIR",
        "GNUPGHOME",
        "GPG_TTY",
        "TERM",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "XAUTHORITY",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
    ],
    conceals: &[],
    codes: &[],
    noise: &[],
};

/// Whose tools there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Linux,
    MacOs,
}

/// One use of a tool.
struct Use {
    tool: &'static Tool,
    arguments: Vec<Text>,
    /// Files that it reads.
    needs: Vec<Place>,
    /// A file that it reads and that nobody else should.
    key: Option<Place>,
    /// What of its output is the value.
    part: Part,
    /// What to do when it gives none.
    fixes: Vec<String>,
}

/// Reads a value that a tool keeps.
pub(super) fn read(name: &Text, source: &Source, timeout: Duration, owner: Owner<'_>) -> Result<Value, Failed> {
    let platform = if cfg!(target_os = "macos") { Platform::MacOs } else { Platform::Linux };
    let used = Use::of(platform, name, source, owner)?;
    used.read(find::tool(used.tool.name), timeout, owner)
}

impl Use {
    /// How the tool for a source is used.
    fn of(platform: Platform, name: &Text, source: &Source, owner: Owner<'_>) -> Result<Self, Why> {
        match source {
            Source::Keyring { service, username } => Ok(match platform {
                Platform::Linux => Self::secret_tool(name, service, username),
                Platform::MacOs => Self::security(service, username),
            }),
            Source::Age { file, identity } => Self::age(file, identity, owner),
            Source::OnePassword(reference) => Ok(Self::one_password(reference)),
            Source::Vault { path, field } => Ok(Self::vault(path, field)),
            Source::Pass(entry) => Self::pass(entry, owner),
            // They need no tool; whoever asks for one all the same gets none.
            Source::Env(_) | Source::File(_) | Source::Command(_) => Err(Why::NoTool { tool: "none" }),
        }
    }

    fn new(tool: &'static Tool, arguments: Vec<Text>) -> Self {
        Self { tool, arguments, needs: Vec::new(), key: None, part: Part::Whole, fixes: Vec::new() }
    }

    fn secret_tool(name: &Text, service: &str, username: &str) -> Self {
        let attributes = ["service", service, "username", username];
        let label = format!("--label={name}");
        let store = words(&[&["secret-tool", "store", &label][..], &attributes[..]].concat());
        Self::new(&SECRET_TOOL, words(&[&["lookup"][..], &attributes[..]].concat()))
            .fix(format!("store it: {}", command_line(&store)))
            .fix("a locked keyring is opened by logging in to the desktop, or with seahorse")
    }

    fn security(service: &str, username: &str) -> Self {
        let store = words(&["security", "add-generic-password", "-s", service, "-a", username, "-w"]);
        let find = Self::new(&SECURITY, words(&["find-generic-password", "-s", service, "-a", username, "-w"]));
        Self { part: Part::Printed, ..find }
            .fix(format!("store it: {}", command_line(&store)))
            .fix("unlock the keychain: security unlock-keychain")
    }

    fn age(file: &Place, identity: &Place, owner: Owner<'_>) -> Result<Self, Why> {
        let paths = vec![absolute(identity, owner)?, absolute(file, owner)?];
        let used = Self::new(&AGE, [words(&["--decrypt", "--identity"]), paths].concat());
        let used = Self { needs: vec![file.clone()], key: Some(identity.clone()), ..used }.fix_by_itself();
        Ok(used.fix("use an identity without a passphrase: there is no terminal to ask at"))
    }

    fn one_password(reference: &str) -> Self {
        Self::new(&ONE_PASSWORD, words(&["read", "--no-newline", &format!("op://{reference}")]))
            .fix("sign in: op signin, or set OP_SERVICE_ACCOUNT_TOKEN")
            .fix_by_itself()
    }

    fn vault(path: &str, field: &str) -> Self {
        Self::new(&VAULT, words(&["kv", "get", &format!("-field={field}"), path]))
            .fix("set VAULT_ADDR, and log in: vault login, or set VAULT_TOKEN")
            .fix_by_itself()
    }

    fn pass(entry: &str, owner: Owner<'_>) -> Result<Self, Why> {
        let used = Self::new(&PASS, words(&["show", entry]));
        let used = Self { needs: vec![entry_file(entry, owner)?], part: Part::FirstLine, ..used }.fix_by_itself();
        Ok(used.fix("gpg-agent asks for a passphrase in a window, or at the terminal that GPG_TTY names"))
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fixes.push(fix.into());
        self
    }

    fn fix_by_itself(self) -> Self {
        let itself = command_line(&[words(&[self.tool.name]), self.arguments.clone()].concat());
        self.fix(format!("try it by itself: {itself}"))
    }

    /// Reads a value by a program, where that was found.
    fn read(&self, program: Result<AbsPath, Why>, timeout: Duration, owner: Owner<'_>) -> Result<Value, Failed> {
        let program = program.map_err(|why| {
            let lacks = matches!(why, Why::NoTool { .. });
            if lacks { Failed::from(why).hint(self.tool.install) } else { why.into() }
        })?;
        for place in &self.needs {
            file::judge(place, owner)?;
        }
        let key = self.key.as_ref().map(|place| file::judge(place, owner)).transpose()?;
        let conceals: Vec<_> = owner.environment.iter().filter(|(name, _)| self.tool.is_credential(name)).collect();
        let passes = self.tool.passes.iter().filter_map(|name| owner.environment.get_key_value(&Text::from(*name)));
        let question = Question {
            program,
            arguments: &self.arguments,
            passes: passes.chain(conceals.iter().copied()).collect(),
            conceals: conceals.iter().map(|(_, value)| *value).collect(),
            noise: self.tool.noise,
            timeout,
        };
        let printed = question.ask(owner).map_err(|why| self.explained(why))?;
        let bytes = value::checked(printed, self.part)?;
        Ok(Value { bytes, notes: key.and_then(|key| key.note(owner)).into_iter().collect() })
    }

    /// What an exit code means, where the tool said nothing; what to do.
    fn explained(&self, mut why: Why) -> Failed {
        if let Why::Code { code, message: message @ None, .. } = &mut why {
            let known = self.tool.codes.iter().find(|(known, _)| known == code);
            *message = known.map(|(_, meaning)| Text::from(*meaning));
        }
        let helps = why.is_the_programs();
        let failed = Failed::from(why);
        if helps { self.fixes.iter().rev().fold(failed, |failed, fix| failed.hint(fix)) } else { failed }
    }
}

impl Tool {
    fn is_credential(&self, name: &Text) -> bool {
        let name = name.as_bytes();
        self.conceals
            .iter()
            .map(|known| known.as_bytes())
            .any(|known| name == known || (known.ends_with(b"_") && name.starts_with(known)))
    }
}

fn words(words: &[&str]) -> Vec<Text> {
    words.iter().map(|word| Text::from(*word)).collect()
}

fn absolute(place: &Place, owner: Owner<'_>) -> Result<Text, Why> {
    let path = place.resolve(&owner.account.home).ok().and_then(|path| Text::new(path.as_bytes()));
    path.ok_or_else(|| Why::Missing { path: place.to_string() })
}

/// The file of an entry. Looked for first: `pass show` of a directory lists it and ends well.
fn entry_file(entry: &str, owner: Owner<'_>) -> Result<Place, Why> {
    let missing = || Why::Missing { path: format!("{entry}.gpg") };
    let store = match owner.environment.get(&Text::from("PASSWORD_STORE_DIR")) {
        Some(store) if !store.as_bytes().is_empty() => AbsPath::new(store.as_bytes()),
        Some(_) | None => owner.account.home.join(".password-store"),
    };
    let path = store.and_then(|store| store.join(format!("{entry}.gpg"))).map_err(|_| missing())?;
    Ok(Place::Absolute(path))
}

#[cfg(test)]
mod tests;
