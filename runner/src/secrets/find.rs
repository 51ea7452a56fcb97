//! Finds programs that are trusted with secrets. Never by the caller's `PATH`, and only where nobody else could have put another.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use opaque_policy::path::AbsPath;

use super::failure::Why;
use super::{Owner, file};
use crate::descriptor;
use crate::policy_files::error::PolicyFileError;
use crate::policy_files::walk::Walk;

/// Where tools are looked for, in this order; then below [`OPTIONAL`].
const DIRECTORIES: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
/// Each directory in it may have a `bin`.
const OPTIONAL: &str = "/opt";

/// The first program of this name that root installed and root alone can change.
pub(super) fn tool(name: &'static str) -> Result<AbsPath, Why> {
    first(name, directories())
}

fn first(name: &'static str, directories: impl IntoIterator<Item = AbsPath>) -> Result<AbsPath, Why> {
    let mut distrusted = None;
    for path in directories.into_iter().filter_map(|directory| directory.join(name).ok()) {
        match is_program(&path, 0, None) {
            Ok(()) => return Ok(path),
            Err(Why::Missing { .. }) => {}
            Err(why) => distrusted = distrusted.or(Some(why)),
        }
    }
    Err(distrusted.unwrap_or(Why::NoTool { tool: name }))
}

/// A program that a profile names: root's or the person's, and nobody else's to change, a sandbox's least of all.
pub(super) fn named(path: &AbsPath, owner: Owner<'_>) -> Result<(), Why> {
    is_program(path, owner.account.uid, owner.workspace)
}

fn is_program(path: &AbsPath, uid: u32, outside: Option<opaque_policy::request::Inode>) -> Result<(), Why> {
    let root = file::root()?;
    let walk = Walk { root: root.as_fd(), uid, outside };
    let Some((opened, kind)) = walk.to(path.as_bytes()).map_err(|error| on_the_way(path, &error))? else {
        return Err(Why::Missing { path: path.to_string() });
    };
    if let Some(kind) = file::other_than_file(kind) {
        return Err(Why::NotAFile { path: path.to_string(), kind });
    }
    if descriptor::is_executable(&opened) { Ok(()) } else { Err(Why::NotExecutable { program: path.to_string() }) }
}

fn on_the_way(program: &AbsPath, error: &PolicyFileError) -> Why {
    let distrusted =
        |path: &str, reason: String| Why::Distrusted { program: program.to_string(), path: path.to_owned(), reason };
    match error {
        PolicyFileError::Owner { path, owner } => distrusted(path, format!("belongs to uid {owner}")),
        PolicyFileError::Writable { path } => distrusted(path, "can be written by others".to_owned()),
        PolicyFileError::Workspace { .. } => Why::Workspace { path: program.to_string() },
        PolicyFileError::Type { path } => Why::NotAFile { path: path.clone(), kind: "no way through" },
        PolicyFileError::Open { path, source } => Why::Unreadable { path: path.clone(), source: *source },
        // Nobody asks a walk for them.
        PolicyFileError::Missing { path } | PolicyFileError::Both { one: path, .. } => {
            Why::Missing { path: path.clone() }
        }
    }
}

fn directories() -> Vec<AbsPath> {
    let mut optional: Vec<OsString> =
        std::fs::read_dir(OPTIONAL).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
    optional.sort();
    let optional = optional.into_iter().filter_map(|name| {
        let bin = [OPTIONAL.as_bytes(), b"/", name.as_bytes(), b"/bin"].concat();
        AbsPath::new(OsString::from_vec(bin).as_bytes()).ok()
    });
    DIRECTORIES.iter().filter_map(|directory| AbsPath::new(directory).ok()).chain(optional).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AbsPath {
        AbsPath::new(text).unwrap()
    }

    #[test]
    fn a_tool_is_found_where_the_system_has_it() {
        assert_eq!(tool("env").unwrap(), path("/usr/bin/env"));
        assert_eq!(tool("no-such-tool-of-anybody").unwrap_err(), Why::NoTool { tool: "no-such-tool-of-anybody" });
    }

    #[test]
    fn a_tool_in_a_directory_of_others_is_passed_over() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let fake = bin.join("env");
        symlink("/usr/bin/env", &fake).unwrap();
        // Writable by others, as its parent in the temporary directory is anyway.
        std::fs::set_permissions(&bin, std::fs::Permissions::from_mode(0o777)).unwrap();
        let bin = path(bin.to_str().unwrap());
        assert_eq!(first("env", [bin.clone(), path("/usr/bin")]).unwrap(), path("/usr/bin/env"));
        let why = first("env", [bin]).unwrap_err();
        assert!(matches!(&why, Why::Distrusted { program, .. } if *program == fake.to_str().unwrap()), "{why}");
    }

    #[test]
    fn only_an_executable_file_is_a_program() {
        assert!(matches!(is_program(&path("/etc/passwd"), 0, None), Err(Why::NotExecutable { .. })));
        assert!(matches!(is_program(&path("/usr/bin"), 0, None), Err(Why::NotAFile { .. })));
        assert!(matches!(is_program(&path("/usr/bin/nothing-of-this-name"), 0, None), Err(Why::Missing { .. })));
    }
}
