//! What exists inside: the program, its interpreters, the working directory, the elements of `PATH`.

use super::refusal::Refusal;
use super::tree::Finished;
use super::{floor, lexical};
use crate::environment;
use crate::facts::{HostFacts, Leads, PathFact, Workspace};
use crate::path::AbsPath;
use crate::plan::{Content, Shape};
use crate::request::Program;

/// Links are followed this often (the kernel's own bound, path_resolution(7)).
const MOST_LINKS: usize = 40;

/// What a path leads to inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// What the host has there.
    Host,
    /// A directory of the sandbox's own.
    Own,
    /// Nothing.
    Nothing,
}

/// Refuses a program that does not exist inside, or whose interpreter does not.
pub(super) fn program(program: &Program, tree: &Finished, facts: &HostFacts) -> Result<(), Refusal> {
    let interpreters = program.interpreters.iter().flat_map(|step| [&step.named, &step.path]);
    for path in [&program.named, &program.path] {
        if shown(path, tree, facts) != Shown::Host {
            return Err(Refusal::not_visible(format!("program `{path}` does not exist inside"), hint(path, facts)));
        }
    }
    for path in interpreters {
        if shown(path, tree, facts) != Shown::Host {
            let what = format!("`{path}`, which runs the script `{}`, does not exist inside", program.named);
            return Err(Refusal::not_visible(what, hint(path, facts)));
        }
    }
    Ok(())
}

/// Refuses a working directory that does not exist inside.
pub(super) fn working_directory(cwd: &AbsPath, tree: &Finished, facts: &HostFacts) -> Result<(), Refusal> {
    if cwd.is_root() || shown(cwd, tree, facts) != Shown::Nothing {
        return Ok(());
    }
    let why = match &facts.workspace {
        Workspace::None { why } => format!(" ({why})"),
        Workspace::Root(_) => String::new(),
    };
    let what = format!("the working directory `{cwd}` does not exist inside{why}");
    Err(Refusal::unbuildable(
        what,
        format!("grant it with `--read {cwd}` or `--write {cwd}`, or change to a project directory"),
    ))
}

/// The directories of the caller's `PATH` that exist inside, in order.
pub(super) fn search_path(tree: &Finished, facts: &HostFacts) -> Vec<AbsPath> {
    let mut path = environment::search_path(&facts.env);
    path.retain(|element| {
        let is_shown = |path: &AbsPath| shown(path, tree, facts) == Shown::Host;
        let leads_to_shown = match facts.at(element) {
            Some(PathFact::Directory(_)) => true,
            Some(PathFact::Link { real: Some(real), leads_to: Leads::Directory(_), .. }) => is_shown(real),
            Some(PathFact::Absent | PathFact::File(_) | PathFact::Special(_) | PathFact::Link { .. }) => false,
            None => environment::is_in_usr(element),
        };
        leads_to_shown && is_shown(element)
    });
    path
}

fn shown(path: &AbsPath, tree: &Finished, facts: &HostFacts) -> Shown {
    let mut path = path.clone();
    for _ in 0..MOST_LINKS {
        let Some((target, content)) = tree.cover(&path) else { return Shown::Nothing };
        match content {
            Content::Bind { shape: Shape::Directory, .. } => return Shown::Host,
            Content::Bind { shape: Shape::File, .. } if *target == path => return Shown::Host,
            Content::Private { .. } | Content::Directory | Content::Proc if *target == path => return Shown::Own,
            Content::Symlink { text } => {
                let Some(next) = through(&path, target, text.as_bytes(), facts) else { return Shown::Nothing };
                path = next;
            }
            Content::Bind { .. }
            | Content::Private { .. }
            | Content::Directory
            | Content::Device { .. }
            | Content::File { .. }
            | Content::Secret { .. }
            | Content::Proc
            | Content::Pts => return Shown::Nothing,
        }
    }
    Shown::Nothing
}

/// Where `path` is, once the link at `link` on its way is followed.
fn through(path: &AbsPath, link: &AbsPath, text: &[u8], facts: &HostFacts) -> Option<AbsPath> {
    let below = path.relative_to(link)?;
    let real = match facts.at(link) {
        Some(PathFact::Link { real: Some(real), .. }) => Some(real.clone()),
        _ => lexical::follow(&link.parent()?, text),
    };
    real?.join(below).ok()
}

/// Names the flag that shows a program: its directory, unless that would show more than anyone wants.
fn hint(path: &AbsPath, facts: &HostFacts) -> String {
    let directory =
        path.parent().filter(|directory| !floor::shows_home(directory, facts) && floor::can_be_read(directory, facts));
    format!("show it with `--read {}`", directory.as_ref().unwrap_or(path))
}
