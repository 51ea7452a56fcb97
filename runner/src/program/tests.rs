use super::error::Failure;
use super::*;
use crate::alone::Alone;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

struct Place {
    _directory: tempfile::TempDir,
    top: AbsPath,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(directory.path()).unwrap();
        let top = AbsPath::new(real.as_os_str().as_encoded_bytes()).unwrap();
        fs::create_dir_all(top.join("bin").unwrap().as_path()).unwrap();
        Self { _directory: directory, top }
    }

    fn at(&self, relative: &str) -> AbsPath {
        self.top.join(relative).unwrap()
    }

    fn write(&self, relative: &str, content: impl AsRef<[u8]>, mode: u32) -> AbsPath {
        let path = self.at(relative);
        fs::write(path.as_path(), content).unwrap();
        fs::set_permissions(path.as_path(), fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn script(&self, relative: &str, line: impl std::fmt::Display) -> AbsPath {
        self.write(relative, format!("#!{line}\necho \"$0\" \"$@\"\n"), 0o755)
    }

    fn resolve(&self, name: &str) -> Result<Opened, ProgramError> {
        let path = format!("relative::{}:/nowhere:/usr/bin:/bin", self.at("bin"));
        resolve(&name.into(), Search { path: Some(path.as_bytes()), cwd: &self.top, content: Content::Unread })
    }

    fn argv(&self, name: &str) -> Vec<Text> {
        let opened = self.resolve(name).unwrap();
        effective_argv(&opened.program, &[name.into(), "x".into()])
    }
}

fn inode(path: &AbsPath) -> Inode {
    descriptor::inode(&rustix::fs::stat(path.as_path()).unwrap())
}

fn texts<const N: usize>(words: [&str; N]) -> Vec<Text> {
    words.map(Text::from).to_vec()
}

#[test]
fn a_name_is_looked_up_in_the_absolute_elements_of_path() {
    let place = Place::new();
    let tool = place.script("bin/tool", "/bin/sh");
    let opened = place.resolve("tool").unwrap();
    assert_eq!((&opened.program.path, &opened.program.named), (&tool, &tool));
    assert_eq!(opened.program.inode, inode(&tool));
    assert_eq!(opened.interpreters.len(), 1);
    assert_eq!(opened.program.sha256, None);
}

#[test]
fn a_relative_element_is_never_used_and_the_message_says_so() {
    let place = Place::new();
    place.script("tool", "/bin/sh");
    let error = place.resolve("tool").unwrap_err();
    assert_eq!(error.failure(), Failure::NotFound);
    assert_eq!(error.hint().unwrap(), "only the relative `PATH` element `.` holds it; name it by path: `./tool`");
    assert!(place.resolve("./tool").is_ok(), "control");
}

#[test]
fn what_is_not_executable_is_passed_over_and_remembered() {
    let place = Place::new();
    place.write("bin/plain", "x", 0o644);
    let error = place.resolve("plain").unwrap_err();
    assert!(matches!(error, ProgramError::NotExecutable { ref path } if *path == place.at("bin/plain")));
    assert_eq!(
        (error.failure(), error.hint()),
        (Failure::NotExecutable, Some(format!("chmod +x {}", place.at("bin/plain"))))
    );
    place.write("bin/true", "x", 0o644);
    assert!(place.resolve("true").unwrap().program.path.as_bytes().starts_with(b"/usr/bin/"));
}

#[test]
fn each_kind_of_wrong_thing_has_its_own_error() {
    let place = Place::new();
    let failure = |name: &str| place.resolve(name).unwrap_err().failure();
    assert!(matches!(place.resolve(""), Err(ProgramError::Empty)));
    assert!(matches!(place.resolve("./bin"), Err(ProgramError::Directory { .. })));
    assert!(matches!(place.resolve("/dev/null"), Err(ProgramError::Special { .. })));
    assert!(matches!(place.resolve("./nothing"), Err(ProgramError::NoSuchFile { .. })));
    assert_eq!((failure("./bin"), failure("./nothing")), (Failure::NotExecutable, Failure::NotFound));
    place.write("text", "echo hello\n", 0o755);
    let error = place.resolve("./text").unwrap_err();
    assert!(matches!(error, ProgramError::Format { .. }));
    assert!(error.hint().unwrap().contains(&format!("sh {}", place.at("text"))));
    symlink("loop", place.at("loop").as_path()).unwrap();
    assert_eq!(failure("./loop"), Failure::NotFound);
}

#[test]
fn links_are_followed_and_the_name_is_kept() {
    let place = Place::new();
    symlink("/bin/sh", place.at("shim").as_path()).unwrap();
    let program = place.resolve("./shim").unwrap().program;
    assert_eq!(program.named, place.at("shim"));
    assert_eq!(program.path.as_path(), fs::canonicalize("/bin/sh").unwrap());
    assert!(program.interpreters.is_empty());
}

#[test]
fn a_path_that_climbs_is_named_by_the_directory_that_it_reaches() {
    let place = Place::new();
    fs::create_dir_all(place.at("deep/er").as_path()).unwrap();
    symlink("deep/er", place.at("link").as_path()).unwrap();
    let tool = place.script("deep/tool", "/bin/sh");
    assert_eq!(place.resolve("link/../tool").unwrap().program.named, tool);
    assert!(matches!(place.resolve("link/.."), Err(ProgramError::Directory { path }) if path == place.at("deep")));
}

#[test]
fn the_argument_vector_is_the_one_that_the_kernel_makes() {
    let place = Place::new();
    place.script("plain", "/bin/sh -e");
    let inner = place.write("inner", "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\n", 0o755);
    let outer = place.script("outer", format!("{inner} one two"));
    assert_eq!(place.argv("./plain"), texts(["/bin/sh", "-e", "./plain", "x"]));
    let expected = ["/bin/sh", &inner.to_string(), "one two", &outer.to_string(), "x"];
    assert_eq!(place.argv(&outer.to_string()), texts(expected));
    let printed = std::process::Command::new(outer.as_path()).arg("x").output_alone().unwrap().stdout;
    assert_eq!(String::from_utf8(printed).unwrap(), format!("one two\n{outer}\nx\n"), "control: the kernel agrees");
}

#[test]
fn a_script_found_through_path_is_passed_by_the_path_that_was_found() {
    let place = Place::new();
    let tool = place.script("bin/tool", "/bin/sh");
    assert_eq!(place.argv("tool"), texts(["/bin/sh", &tool.to_string(), "x"]));
}

#[test]
fn env_is_resolved_one_step_further_and_all_three_are_pinned() {
    let place = Place::new();
    place.script("script", "/usr/bin/env sh");
    let program = place.resolve("./script").unwrap().program;
    let paths: Vec<_> = program.interpreters.iter().map(|step| step.named.to_string()).collect();
    assert_eq!(paths, ["/usr/bin/env", "/usr/bin/sh"]);
    assert_eq!(effective_argv(&program, &texts(["./script", "x"])), texts(["sh", "./script", "x"]));
}

#[test]
fn an_env_shim_that_is_a_script_itself_is_named_by_its_path() {
    let place = Place::new();
    let shim = place.write("bin/lang", "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\"\n", 0o755);
    let script = place.script("script", "/usr/bin/env lang");
    assert_eq!(place.argv(&script.to_string()), texts(["/bin/sh", &shim.to_string(), &script.to_string(), "x"]));
    let printed =
        std::process::Command::new(script.as_path()).arg("x").env("PATH", place.at("bin").as_path()).output_alone();
    assert_eq!(String::from_utf8(printed.unwrap().stdout).unwrap(), format!("{shim}\n{script}\nx\n"), "control");
}

#[test]
fn env_with_options_or_assignments_is_the_interpreter_itself() {
    let place = Place::new();
    place.script("script", "/usr/bin/env -S sh -e");
    assert_eq!(place.argv("./script"), texts(["/usr/bin/env", "-S sh -e", "./script", "x"]));
}

#[test]
fn a_missing_interpreter_is_named_with_its_script() {
    let place = Place::new();
    place.script("script", "/no/such/interpreter");
    let error = place.resolve("./script").unwrap_err();
    assert!(matches!(&error, ProgramError::Interpreter { script, .. } if *script == place.at("script")));
    assert_eq!(error.failure(), Failure::NotExecutable);
}

#[test]
fn carriage_returns_are_explained() {
    let place = Place::new();
    place.write("script", "#!/bin/sh\r\necho\r\n", 0o755);
    let error = place.resolve("./script").unwrap_err();
    assert!(error.to_string().contains("CRLF") && error.hint().unwrap().contains("line endings"), "{error}");
}

#[test]
fn scripts_that_interpret_each_other_end_as_in_the_kernel() {
    let place = Place::new();
    place.script("a", place.at("b"));
    place.script("b", place.at("a"));
    place.script("bin/self", "/usr/bin/env self");
    assert!(matches!(place.resolve("./a"), Err(ProgramError::Loop { .. })));
    assert!(matches!(place.resolve("self"), Err(ProgramError::Loop { .. })));
}

#[test]
fn as_many_interpreters_are_followed_as_the_kernel_follows() {
    let place = Place::new();
    let mut interpreter = "/bin/sh".to_owned();
    for number in 1..=8 {
        interpreter = place.script(&format!("s{number}"), interpreter).to_string();
        let runs = std::process::Command::new(&interpreter).output_alone().is_ok();
        assert_eq!(place.resolve(&interpreter).is_ok(), runs, "{number} scripts");
    }
}

#[test]
fn content_is_hashed_only_when_something_depends_on_it() {
    let place = Place::new();
    let script = place.script("script", "/usr/bin/env sh");
    let cache = Cache::new(place.at("state"));
    let path = Some(b"/usr/bin".as_slice());
    let search = Search { path, cwd: &place.top, content: Content::Hashed(&cache) };
    let program = resolve(&"./script".into(), search).unwrap().program;
    let expected = crate::digest::sha256(fs::File::open(script.as_path()).unwrap()).unwrap();
    assert_eq!(program.sha256, Some(expected));
    assert!(program.interpreters.iter().all(|step| step.sha256.as_ref().is_some_and(|digest| digest.len() == 64)));
}

#[test]
fn who_chose_an_interpreter_is_told_from_where_it_was_found() {
    let place = Place::new();
    let chooser =
        |script: &AbsPath| place.resolve(&script.to_string()).unwrap().program.interpreters.last().unwrap().chosen_by;
    assert_eq!(chooser(&place.script("plain", "/bin/sh")), Chooser::Script);
    // `Place` has its own `bin` before those of the machine in its `PATH`.
    assert_eq!(chooser(&place.script("through-env", "/usr/bin/env sh")), Chooser::Machine);
    place.script("bin/own", "/bin/sh");
    fs::set_permissions(place.at("bin").as_path(), fs::Permissions::from_mode(0o777)).unwrap();
    let own = place.resolve(&place.script("by-own", "/usr/bin/env own").to_string()).unwrap();
    assert_eq!(own.program.interpreters.get(1).unwrap().chosen_by, Chooser::Caller);
}
