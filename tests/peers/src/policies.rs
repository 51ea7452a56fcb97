//! One policy in two languages: so many rules that forbid and do not match, and one last rule that permits and does.
//!
//! A rule has what a real one has: a program, arguments, where the repository comes from and its branch, the working
//! directory and whether a coding agent asks; a reason and an example, which the other language has no words for.

use std::fmt::Write;
use std::str::FromStr;

use cedar_policy::{Context, Entities, EntityUid};
use opaque_policy::fact::Fact;
use opaque_policy::path::AbsPath;
use opaque_policy::principal::{ClientKind, Principal};
use opaque_policy::request::{Asked, Command, Inode, Program, Request};
use opaque_policy::text::Text;
use opaque_tests::bench::Outcome;

/// What the rules differ in, and so how far each has to be looked at before it is known not to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each is about a program of its own: the first condition fails.
    Programs,
    /// Each is about a directory of its own: every condition holds but the last.
    Directories,
}

impl Shape {
    pub(crate) const ALL: [Self; 2] = [Self::Programs, Self::Directories];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Programs => "programs",
            Self::Directories => "directories",
        }
    }

    fn of(self, number: usize) -> Conditions {
        let directory = match self {
            Self::Programs => "src".to_owned(),
            Self::Directories => format!("src/part-{number}"),
        };
        let program = match self {
            Self::Programs => format!("/opt/tools/tool-{number}"),
            Self::Directories => PROGRAM.to_owned(),
        };
        Conditions { program, directory }
    }
}

/// What a rule says of its own.
struct Conditions {
    program: String,
    directory: String,
}

const PROGRAM: &str = "/opt/tools/tool";
const LEVEL: &str = "--level=7";
const REMOTE: &str = "https://git.example/team/app.git";
const BRANCH: &str = "release/7";
const CWD: &str = "/home/ann/src/app";

/// Rules in one file at most: a file has an upper size.
const RULES_A_FILE: usize = 1_500;

/// The policy for this project, in as many files as it takes.
pub(crate) fn canonical(shape: Shape, rules: usize) -> Vec<String> {
    let numbers: Vec<usize> = (1..rules).collect();
    let mut files: Vec<String> = numbers.chunks(RULES_A_FILE).map(|chunk| part(shape, chunk)).collect();
    if let Some(first) = files.first_mut() {
        first.insert_str(0, "default = \"deny\"\n");
    }
    if let Some(last) = files.last_mut() {
        let rule = format!(
            "\n[[rules]]\nname = \"the-last\"\naction = \"allow\"\n[rules.command]\npath = \"{PROGRAM}\"\n\
             argv = [\"publish\", \"{LEVEL}\", \"**\"]\n"
        );
        last.push_str(&rule);
    }
    files.iter().map(|file| format!("version = 1\n{file}")).collect()
}

fn part(shape: Shape, numbers: &[usize]) -> String {
    let mut text = String::new();
    for number in numbers {
        let Conditions { program, directory } = shape.of(*number);
        let _ = write!(
            text,
            "\n[[rules]]\nname = \"rule-{number}\"\naction = \"deny\"\nwhy = \"What rule {number} is about is not for this machine.\"\n\
             [rules.command]\npath = \"{program}\"\nargv = [\"publish\", \"{LEVEL}\", \"**\"]\n\
             [rules.workspace]\nremote_url_pattern = \"git.example/team/*\"\nbranch_pattern = \"release/*\"\n\
             [rules.context]\ncwd = \"/home/*/{directory}/**\"\nis_coding_agent = true\n\
             [[rules.examples]]\nmatch = [\"{program} publish {LEVEL}\"]\n"
        );
    }
    text
}

/// The same for cedar. Arguments are attributes of their own, since a list there has no first element; its `like` knows
/// no components, so that `*` crosses `/`.
pub(crate) fn cedar(shape: Shape, rules: usize) -> String {
    let mut text = String::new();
    for number in 1..rules {
        let Conditions { program, directory } = shape.of(number);
        let _ = write!(
            text,
            "@id(\"rule-{number}\")\n@why(\"What rule {number} is about is not for this machine.\")\n\
             forbid (principal, action == Action::\"sandbox.exec\", resource == Program::\"{program}\")\nwhen {{\n  \
             context.first == \"publish\" && context.second == \"{LEVEL}\" &&\n  \
             context.remote like \"git.example/team/*\" && context.branch like \"release/*\" &&\n  \
             principal.is_coding_agent && context.cwd like \"/home/*/{directory}/*\"\n}};\n\n"
        );
    }
    let _ = write!(
        text,
        "permit (principal, action == Action::\"sandbox.exec\", resource == Program::\"{PROGRAM}\")\n\
         when {{ context.first == \"publish\" && context.second == \"{LEVEL}\" }};\n"
    );
    text
}

/// The request that only the last rule matches.
pub(crate) fn request() -> Outcome<Request> {
    let path = AbsPath::new(PROGRAM)?;
    let program = Program {
        path: path.clone(),
        named: path,
        inode: Inode { device: 1, number: 1 },
        sha256: None,
        interpreters: Vec::new(),
    };
    let argv = [PROGRAM, "publish", LEVEL, "app"].map(Text::from).to_vec();
    let command = Command { program, argv, cwd: AbsPath::new(CWD)?, classes: Fact::Unknown };
    let mut request = Request::to_run(Principal::new(1000, ClientKind::Agent), command, Asked::default());
    request.repository.remote_url = Fact::Known(REMOTE.to_owned());
    request.repository.branch = Fact::Known(BRANCH.to_owned());
    request.surroundings.coding_agent_name = Fact::Known(Text::from("claude"));
    Ok(request)
}

/// The same request for cedar, and the entities that it is about. The remote is given in the one form that
/// `opaque-policy` makes of every spelling.
pub(crate) fn cedar_request() -> Outcome<(cedar_policy::Request, Entities)> {
    let context = format!(
        r#"{{ "first": "publish", "second": "{LEVEL}", "remote": "git.example/team/app", "branch": "{BRANCH}", "cwd": "{CWD}/" }}"#
    );
    let context = Context::from_json_str(&context, None)?;
    let uid = |text: String| EntityUid::from_str(&text);
    let (principal, action) = (uid("Client::\"1000\"".into())?, uid("Action::\"sandbox.exec\"".into())?);
    let resource = uid(format!("Program::\"{PROGRAM}\""))?;
    let entities =
        r#"[{ "uid": { "type": "Client", "id": "1000" }, "attrs": { "is_coding_agent": true }, "parents": [] }]"#;
    let entities = Entities::from_json_str(entities, None)?;
    Ok((cedar_policy::Request::new(principal, action, resource, context, None)?, entities))
}
